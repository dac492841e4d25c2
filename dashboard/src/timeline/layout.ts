import type { Arrangement } from "./arrangement";
import { slotsBetween } from "./arrangement";
import { NARROW_PX, type Window } from "./bins";
import { firstAbove } from "./sorting";

export const AXIS_PX = 44;
const ROW_GAP_PX = 6;
const LEAST_ROW_PX = 22;
const WAITING_PX = 6;
const LANE_PX: readonly [lanes: number, height: number][] = [
  [3, 16],
  [8, 11],
  [24, 7],
  [Number.POSITIVE_INFINITY, 4],
];
/** A pointer need not hit what is thin. */
const NEAR_PX = 4;

/** Where rows and their lanes are, in pixels from the first row's top. */
export interface Layout {
  /** The bottom of each row. */
  bottoms: Float64Array;
  laneHeights: Float64Array;
  height: number;
  labels: number;
}

export function layoutOf(arrangement: Arrangement, width: number): Layout {
  const bottoms = new Float64Array(arrangement.rows.length);
  const laneHeights = new Float64Array(arrangement.rows.length);
  let height = 0;
  for (const [index, row] of arrangement.rows.entries()) {
    const lane = (LANE_PX.find(([lanes]) => row.lanes <= lanes) as [number, number])[1];
    laneHeights[index] = lane;
    const waiting = row.waiting.length > 0 ? WAITING_PX : 0;
    height += Math.max(LEAST_ROW_PX, row.lanes * lane + ROW_GAP_PX + waiting);
    bottoms[index] = height;
  }
  return { bottoms, laneHeights, height, labels: width < 600 ? 92 : 190 };
}

export const topOf = (layout: Layout, row: number) => (row === 0 ? 0 : (layout.bottoms[row - 1] as number));

/** The rows between two heights: from the first, up to before the last. */
export function rowsBetween(layout: Layout, top: number, bottom: number): [number, number] {
  const count = layout.bottoms.length;
  const first = firstAbove(layout.bottoms, top, 0, count);
  return [first, Math.min(count, firstAbove(layout.bottoms, bottom, first, count) + 1)];
}

/** What is seen of the timeline. */
export interface View {
  window: Window;
  /** Pixels of the rows that are above what is seen. */
  scroll: number;
  width: number;
  height: number;
}

/** The slot at a place of the canvas; of several that are near, the worst, and then the nearest. */
export function slotAt(arrangement: Arrangement, layout: Layout, view: View, x: number, y: number): number | undefined {
  const height = y - AXIS_PX + view.scroll;
  if (y < AXIS_PX || x < layout.labels || height >= layout.height) return undefined;
  const [index] = rowsBetween(layout, height, height);
  const row = arrangement.rows[index];
  if (row === undefined) return undefined;
  const offset = height - topOf(layout, index) - ROW_GAP_PX / 2;
  const lane = Math.min(row.lanes - 1, Math.max(0, Math.floor(offset / (layout.laneHeights[index] as number))));
  return nearest(arrangement, row.firstLane + lane, view, x - layout.labels, view.width - layout.labels);
}

function nearest(all: Arrangement, lane: number, view: View, x: number, width: number): number | undefined {
  const perPixel = (view.window.to - view.window.from) / width;
  const place = view.window.from + x * perPixel;
  const [first, last] = slotsBetween(all, lane, place - NEAR_PX * perPixel, place + NEAR_PX * perPixel);
  let [found, best] = [undefined as number | undefined, Number.POSITIVE_INFINITY];
  for (let slot = first; slot < last; slot++) {
    const [from, to] = [all.from[slot] as number, all.to[slot] as number];
    const distance = Math.max(from - place, place - to, 0) / perPixel;
    const isNarrow = (to - from) / perPixel < NARROW_PX;
    const rank = distance - (isNarrow ? (all.state[slot] as number) * NEAR_PX : 0);
    if (distance <= NEAR_PX && rank < best) [found, best] = [slot, rank];
  }
  return found;
}

/** The lane of a slot, from the top of all rows: its row, its top and its height in pixels. */
export function placeOf(all: Arrangement, layout: Layout, slot: number): { row: number; top: number; height: number } {
  let [low, high] = [0, all.lanes.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((all.lanes[middle + 1] as number) > slot) high = middle;
    else low = middle + 1;
  }
  let row = 0;
  let rows = all.rows.length;
  while (row < rows) {
    const middle = (row + rows) >> 1;
    const each = all.rows[middle] as Arrangement["rows"][number];
    if (each.firstLane + each.lanes > low) rows = middle;
    else row = middle + 1;
  }
  const height = layout.laneHeights[row] as number;
  const lane = low - (all.rows[row] as Arrangement["rows"][number]).firstLane;
  return { row, top: topOf(layout, row) + ROW_GAP_PX / 2 + lane * height, height };
}

export { ROW_GAP_PX, WAITING_PX };
