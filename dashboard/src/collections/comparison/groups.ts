import type { Schemas } from "../../api/client";

export type Comparison = Schemas["RunComparisonBody"];
export type Group = Schemas["ThemeGroupBody"];
export type ThemeOfRun = Schemas["ComparedThemeBody"];

export const KINDS = ["kept", "split", "merged", "mixed", "gone", "new"] as const;
export const CHANGES = ["moved", "stayed", "gone", "new"] as const;
export type Kind = (typeof KINDS)[number];
export type Change = (typeof CHANGES)[number];

/** Documents that a number counts: what became of them, from which themes and into which. */
export interface Behind {
  change: Change;
  was?: readonly number[];
  now?: readonly number[];
}

/** How many groups there are of each kind. */
export function countKinds(groups: readonly Group[]): Map<Kind, number> {
  const counts = new Map<Kind, number>();
  for (const { kind } of groups) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** What the numbers of a group count. Stayed are within it; those that left or joined have their other theme outside. */
export function behind(group: Group): Record<"stayed" | "left" | "joined" | "gone" | "new", Behind> {
  return {
    stayed: { change: "stayed", was: group.before },
    left: { change: "moved", was: group.before },
    joined: { change: "moved", now: group.after },
    gone: { change: "gone", was: group.before },
    new: { change: "new", now: group.after },
  };
}

/** By how much the share of a group has changed, in points of a hundred, as in `+2.5`; `±0` for less than a tenth. */
export function points(group: Pick<Group, "share_before" | "share_after">): string {
  const change = Math.round((group.share_after - group.share_before) * 1000) / 10;
  if (change === 0) return "±0";
  return `${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(1)}`;
}
