import type { ReactNode } from "react";
import { texts } from "../texts";
import { Status } from "../ui/status";

/** A result that was there already is a success of its own kind. */
export function CachedOr({ state, children }: { state: string; children: ReactNode }) {
  return state === "cached" ? <Status status="succeeded" label={texts.timeline.states.cached} /> : children;
}
