/** What can be asked of a workflow; the gateway has the last word. */
export const VERBS = ["pause", "resume", "retry", "cancel"] as const;
export type Verb = (typeof VERBS)[number];

const APPLIES: Record<Verb, readonly string[]> = {
  pause: ["queued", "running"],
  resume: ["pausing", "paused"],
  retry: ["failed", "cancelled", "quarantined"],
  cancel: ["queued", "running", "pausing", "paused", "quarantined"],
};

/** Whether it makes sense in that state. */
export function applies(verb: Verb, status: string): boolean {
  return APPLIES[verb].includes(status);
}
