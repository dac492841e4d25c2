import type { Schemas } from "../../api/client";
import { date, moment, type Zone } from "../../formats/times";

export type Timeline = Schemas["DocumentTimelineBody"];
export type Burst = Schemas["ThemeBurstBody"];

/** A time from one moment to before another. */
export interface Interval {
  since: string;
  until: string;
}

/** The time from the beginning of an interval to the end of a later one, in either order. */
export function interval(timeline: Pick<Timeline, "starts" | "end">, one: number, other: number): Interval {
  const [first, last] = one <= other ? [one, other] : [other, one];
  return { since: timeline.starts[first] as string, until: timeline.starts[last + 1] ?? timeline.end };
}

/** A boundary of intervals. Those of a day or more begin at midnight UTC, and are therefore said in UTC. */
export function boundary(time: string, unit: string, zone: Zone): string {
  return unit === "hour" ? moment(time, zone) : date(time, "utc");
}

/** Which interval is at a place along the chart, from 0 to 1. */
export function intervalAt(share: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.floor(share * count)));
}

/** Whether a theme is in a burst, interval by interval. */
export function burstsOf(theme: number, bursts: readonly Burst[], count: number): boolean[] {
  const found = new Array<boolean>(count).fill(false);
  for (const burst of bursts) if (burst.theme === theme) found.fill(true, burst.first, burst.last + 1);
  return found;
}

/** Themes with the documents that they have in the time shown, the largest first; those of no theme are the last. */
export function largestFirst(themes: Timeline["themes"]): { theme: number; documents: number[]; count: number }[] {
  return themes
    .map((each) => ({ ...each, count: each.documents.reduce((sum, documents) => sum + documents, 0) }))
    .sort((one, other) => Number(one.theme < 0) - Number(other.theme < 0) || other.count - one.count);
}
