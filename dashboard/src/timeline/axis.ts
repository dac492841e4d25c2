import { clock, moment, type Zone } from "../formats/times";
import type { Window } from "./bins";
import type { Folding } from "./folding";

/** A line of the axis. */
export interface Tick {
  /** On the folded scale. */
  place: number;
  label: string;
}

const STEPS_S = [
  1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
]; // biome-ignore format: one list.
const APART_PX = 96;
const DAY_S = 86_400;

/**
 * Lines at round moments of the reader's clock, apart enough for their labels; none inside a folded gap.
 *
 * @param origin of the times, in milliseconds since 1970.
 */
export function ticks(window: Window, width: number, origin: number, folding: Folding, zone: Zone): Tick[] {
  const seconds = (window.to - window.from) / Math.max(1, width / APART_PX);
  const step = STEPS_S.find((each) => each >= seconds) ?? (STEPS_S.at(-1) as number);
  const found: Tick[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [from, to] of stretches(window, folding)) {
    for (const time of roundMoments(from, to, origin, step, zone)) {
      const place = folding.toScale(time);
      if (place - last < seconds * 0.8) continue;
      found.push({ place, label: labelOf(time, origin, step, zone) });
      last = place;
    }
  }
  return found;
}

/** The parts of the window that are not folded, in time. */
function stretches(window: Window, folding: Folding): [number, number][] {
  const [begin, end] = [folding.toTime(window.from), folding.toTime(window.to)];
  const parts: [number, number][] = [];
  let from = begin;
  for (const gap of folding.gaps) {
    if (gap.to <= begin) continue;
    if (gap.from >= end) break;
    if (gap.from > from) parts.push([from, gap.from]);
    from = Math.max(from, gap.to);
  }
  if (from < end) parts.push([from, end]);
  return parts;
}

function* roundMoments(from: number, to: number, origin: number, step: number, zone: Zone): Generator<number> {
  const shift = zone === "utc" ? 0 : -new Date(origin + from * 1000).getTimezoneOffset() * 60;
  // Below a minute the origin's own second is round enough, and keeps what floating point can tell.
  const base = step < 60 ? (origin % 60_000) / 1000 : (origin / 1000 + shift) % Math.max(step, DAY_S);
  for (let count = Math.ceil((from + base) / step); count * step - base <= to; count++) yield count * step - base;
}

function labelOf(time: number, origin: number, step: number, zone: Zone): string {
  const at = origin + time * 1000;
  if (step >= DAY_S) return dateOf(at, zone);
  if (step >= 60) {
    const text = clock(at, zone).slice(0, 5);
    return text === "00:00" ? dateOf(at, zone) : text;
  }
  if (step >= 1) return clock(at + 0.5, zone).slice(0, 8);
  if (step >= 0.001) return clock(at + 0.0005, zone).slice(3);
  const whole = Math.floor(time * 1000 + 1e-6);
  return `+${Math.round((time * 1000 - whole) * 1000)} µs`;
}

/** A day without its time, as in `29 Nov`. */
export function dateOf(time: number, zone: Zone): string {
  return moment(time, zone).split(" ").slice(0, 2).join(" ");
}
