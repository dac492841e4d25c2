import type { Schemas } from "../api/client";

export type Answer = Schemas["AnswerBody"];
export type Counts = ReadonlyMap<string, number>;

/** The workflows that a request will be sent to: these and no others. */
export interface Named {
  ids: readonly string[];
  /** How many there are in each state. */
  statuses: Counts;
}

/** What was answered so far. */
export interface Tally {
  asked: number;
  refused: number;
  /** The first that were refused. */
  refusals: readonly Answer[];
  /** In which states those are that were refused. */
  statuses: Counts;
}

export const UNASKED: Tally = { asked: 0, refused: 0, refusals: [], statuses: new Map() };
export const MOST_SHOWN = 100;

/** The counts with more, each one further. */
export function counted(statuses: Counts, more: Iterable<string>): Counts {
  const counts = new Map(statuses);
  for (const status of more) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

/** Those rows, by name. */
export function namedOf(rows: readonly { id: string; status: string }[]): Named {
  const statuses = counted(
    new Map(),
    rows.map((row) => row.status),
  );
  return { ids: rows.map((row) => row.id), statuses };
}

/** The tally with the answers of a further request. */
export function tallied(tally: Tally, answers: readonly Answer[]): Tally {
  const refused = answers.filter((each) => each.refusal);
  return {
    asked: tally.asked + answers.length,
    refused: tally.refused + refused.length,
    refusals: [...tally.refusals, ...refused].slice(0, MOST_SHOWN),
    statuses: counted(
      tally.statuses,
      refused.flatMap((each) => each.status ?? []),
    ),
  };
}
