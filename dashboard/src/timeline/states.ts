/** How tasks and attempts end, from harmless to worst: of several in one pixel, the worst is shown. */
export const STATES = ["cached", "succeeded", "refused", "lost", "timed_out", "out_of_memory", "failed"] as const;

/** From here on, something went wrong. */
export const FIRST_BAD = 2;

/** The number of a state that the gateway names. */
export function stateNumber(name: string): number {
  const found = STATES.indexOf(name as (typeof STATES)[number]);
  return found === -1 ? STATES.length - 1 : found;
}
