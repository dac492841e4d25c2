import type { Arrangement } from "./arrangement";
import { slotsBetween } from "./arrangement";

/** What is narrower than this shares bins with its neighbours. */
export const NARROW_PX = 3;

/** The part of the scale that is seen. */
export interface Window {
  from: number;
  to: number;
}

/** Called for what is drawn, in pixels: a span of its own, or a bin of several, whose slot is that of the worst. */
export type Emit = (left: number, right: number, state: number, slot: number, count: number) => void;

/**
 * What is seen of a lane, in order. Spans of less than three pixels are merged pixel by pixel, so that however many
 * there are, a lane costs no more than its width; the worst state of a pixel is that of its bin. Neighbouring pixels of
 * one state are one bin.
 */
export function binned(all: Arrangement, lane: number, window: Window, width: number, emit: Emit): void {
  const scale = width / (window.to - window.from);
  const [first, last] = slotsBetween(all, lane, window.from, window.to);
  let [left, right, state, worst, count] = [0, Number.NEGATIVE_INFINITY, 0, 0, 0];
  const flush = () => {
    if (count > 0) emit(left, right, state, worst, count);
    count = 0;
  };
  for (let slot = first; slot < last; slot++) {
    const from = ((all.from[slot] as number) - window.from) * scale;
    const to = ((all.to[slot] as number) - window.from) * scale;
    const own = all.state[slot] as number;
    if (to - from >= NARROW_PX) {
      flush();
      emit(Math.max(from, -NARROW_PX), Math.min(to, width + NARROW_PX), own, slot, 1);
      continue;
    }
    const [begin, end] = [Math.floor(from), Math.max(Math.ceil(to), Math.floor(from) + 1)];
    const isHere = count > 0 && begin < right;
    if (isHere && own !== state && right - left > 1 && own > state) {
      // The last pixel of a run is worse than the run: it becomes a bin of its own.
      emit(left, begin, state, worst, count);
      [left, right, state, worst, count] = [begin, Math.max(right, end), own, slot, 1];
    } else if (isHere || (count > 0 && begin === right && own === state)) {
      right = Math.max(right, end);
      if (own > state) [state, worst] = [own, slot];
      count += 1;
    } else {
      flush();
      [left, right, state, worst, count] = [begin, end, own, slot, 1];
    }
  }
  flush();
}
