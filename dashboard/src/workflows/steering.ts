import { client } from "../api/client";
import { defined } from "../search";
import { type Counts, counted, type Named, type Tally, tallied } from "./tally";
import type { Filters } from "./use-workflows";
import { statusesFor, type Verb } from "./verbs";

const IDS_AT_ONCE = 10_000;
const ASKED_AT_ONCE = 500;

/** Every workflow that meets the filters, that its reader may steer, and that is in a state for the request. */
export async function matching(
  verb: Verb,
  filters: Filters,
  signal: AbortSignal,
  onFound: (count: number) => void = () => {},
): Promise<Named> {
  const status = statusesFor(verb, filters.status);
  const ids: string[] = [];
  let statuses: Counts = new Map();
  let cursor: string | undefined;
  if (status.length === 0) return { ids, statuses };
  do {
    const query = { ...filters, status, limit: IDS_AT_ONCE, ...defined({ cursor }) };
    const page = (await client.GET("/v1/workflows/ids", { params: { query }, signal })).data;
    for (const each of page?.items ?? []) ids.push(each.id);
    statuses = counted(statuses, page?.items.map((each) => each.status) ?? []);
    cursor = page?.next ?? undefined;
    onFound(ids.length);
  } while (cursor !== undefined);
  return { ids, statuses };
}

interface Asking {
  verb: Verb;
  why: string;
  ids: readonly string[];
  /** What was answered before, if it was interrupted. */
  tally: Tally;
  /** Ends it between two requests. */
  signal: AbortSignal;
  onTally: (tally: Tally) => void;
}

/** Send a request to the workflows that are named, some at once; gives what was answered when it ended. */
export async function ask({ verb, why, ids, tally, signal, onTally }: Asking): Promise<Tally> {
  let sofar = tally;
  for (let first = tally.asked; first < ids.length && !signal.aborted; first += ASKED_AT_ONCE) {
    const body = { ids: ids.slice(first, first + ASKED_AT_ONCE), why };
    const answer = await client.POST(`/v1/workflows/${verb}`, { body });
    sofar = tallied(sofar, answer.data?.answers ?? []);
    onTally(sofar);
  }
  return sofar;
}
