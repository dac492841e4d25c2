import type { Window } from "./bins";

/** The shortest stretch that is worth a look: clocks tell microseconds. */
const SHORTEST_S = 2e-5;
const MARGIN = 0.02;

/** All of it, with a little room on both sides. */
export function whole(extent: Window): Window {
  const room = Math.max((extent.to - extent.from) * MARGIN, SHORTEST_S);
  return { from: extent.from - room, to: extent.to + room };
}

/** A window that shows something, and is neither too short nor longer than everything. */
export function clamped(window: Window, extent: Window): Window {
  const all = whole(extent);
  const length = Math.min(Math.max(window.to - window.from, SHORTEST_S), all.to - all.from);
  const from = Math.min(Math.max(window.from, all.from), all.to - length);
  return { from, to: from + length };
}

/** Closer by a factor, around a place in the window from 0 to 1. */
export function zoomed(window: Window, factor: number, place: number, extent: Window): Window {
  const length = window.to - window.from;
  const centre = window.from + length * place;
  const next = Math.max(length / factor, SHORTEST_S);
  return clamped({ from: centre - next * place, to: centre + next * (1 - place) }, extent);
}

/** Moved by a part of its length. */
export function panned(window: Window, part: number, extent: Window): Window {
  const by = (window.to - window.from) * part;
  return clamped({ from: window.from + by, to: window.to + by }, extent);
}
