import { createStore, useStore } from "./store";

const TICK_MS = 1_000;
const now = createStore(Date.now());

setInterval(() => {
  if (!document.hidden) now.set(Date.now());
}, TICK_MS);

/** The present in milliseconds, once a second, the same for all that show it. */
export function useNow(): number {
  return useStore(now);
}
