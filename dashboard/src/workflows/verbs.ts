import type { Schemas } from "../api/client";

/** What can be asked of a workflow; the gateway has the last word. */
export const VERBS = ["pause", "resume", "retry", "cancel"] as const;
export type Verb = (typeof VERBS)[number];
type Status = Schemas["WorkflowStatus"];

const APPLIES: Record<Verb, readonly Status[]> = {
  pause: ["queued", "running"],
  resume: ["pausing", "paused"],
  retry: ["failed", "cancelled", "quarantined"],
  cancel: ["queued", "running", "pausing", "paused"],
};

/** Whether it makes sense in that state. */
export function applies(verb: Verb, status: string): boolean {
  return APPLIES[verb].some((each) => each === status);
}

/** The states in which it makes sense, of those that are named if any are. */
export function statusesFor(verb: Verb, among?: readonly Status[]): Status[] {
  return APPLIES[verb].filter((each) => among === undefined || among.includes(each));
}
