import { texts } from "../texts";
import type { Mark } from "./picture";

interface Event {
  at: string;
  kind: string;
  data: { [key: string]: unknown };
}

const SIGNS: Record<string, string> = {
  worker_lost: "☠",
  tasks_interrupted: "⏹",
  pause_requested: "❚❚",
  resume_requested: "▶",
  retry_requested: "↻",
  cancel_requested: "⊘",
  updated: "✎",
  quarantined: "⚠",
};

/**
 * What happened to the workflow as a whole, for lines across the timeline. The first orchestrator that claims it is the
 * usual course of things; each that does so later, without a request, has taken it over from one that is gone.
 *
 * @param origin of the timeline, in milliseconds since 1970.
 */
export function marksOf(events: readonly Event[], origin: number): Mark[] {
  const marks: Mark[] = [];
  let isExpected = true;
  for (const event of events) {
    const sign = event.kind === "claimed" && !isExpected ? "⇄" : SIGNS[event.kind];
    isExpected =
      event.kind === "created" || (event.kind !== "claimed" && (isExpected || event.kind.endsWith("_requested")));
    const label = event.kind === "claimed" ? texts.timeline.takenOver : event.kind.replaceAll("_", " ");
    if (sign) marks.push({ time: (new Date(event.at).getTime() - origin) / 1000, sign, label });
  }
  return marks;
}
