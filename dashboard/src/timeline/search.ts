import { defined, oneOf, type RawSearch, text } from "../search";

/** A number of an address, as in `12.5`. */
function number(value: unknown): number | undefined {
  const found = Number(text(value) ?? Number.NaN);
  return Number.isFinite(found) ? found : undefined;
}

/** A window in seconds from the workflow's creation, rows by worker or step, gaps folded or shown, a task. */
export const timelineSearch = (raw: RawSearch) =>
  defined({
    by: oneOf(raw.by, ["worker"]),
    gaps: oneOf(raw.gaps, ["shown"]),
    from: number(raw.from),
    to: number(raw.to),
    /** The task that is chosen: position of its step, partition, attempt. */
    task: /^\d+\/\d+\/\d+$/.test(text(raw.task) ?? "") ? text(raw.task) : undefined,
  });

export type TimelineSearch = ReturnType<typeof timelineSearch>;
