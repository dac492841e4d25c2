import type { Folding } from "./folding";
import { firstAbove } from "./sorting";
import type { Spans } from "./spans";

export type By = "worker" | "step";

/** A row of the timeline: a worker or a step, with as many lanes as it had tasks at once. */
export interface Row {
  /** Of the worker or the step. */
  number: number;
  label: string;
  firstLane: number;
  lanes: number;
  /** Stretches of the scale in which tasks waited, as from, to, from, to …: in order, apart from each other. */
  waiting: Float64Array;
}

/**
 * Spans in the order in which they are drawn: by lane, and within a lane by start. A place in it is a *slot*.
 *
 * What drawing reads lies side by side; a range of a lane is found by bisection, for drawing as for hits.
 */
export interface Arrangement {
  rows: readonly Row[];
  /** Where each lane begins, in slots, and where the last one ends. */
  lanes: Int32Array;
  /** Which span each slot has. */
  spans: Int32Array;
  /** The slot of each span. */
  slots: Int32Array;
  /** Start and end on the folded scale. */
  from: Float64Array;
  to: Float64Array;
  /** The latest end of the lane's slots until here, so that it never falls. */
  reach: Float64Array;
  state: Uint8Array;
  /** The ends of everything on the folded scale. */
  extent: { from: number; to: number };
}

const MOST_LANES = 64;
/** Clocks are not exact: tasks that touch are not side by side because of less than this. */
const TOUCH_S = 2e-4;

/**
 * Put spans into rows and lanes.
 *
 * @param order of the spans by their start.
 * @param labels of the rows, by number; those without a span are left out.
 * @param ready since when each span could have started; NaN where that is unknown.
 */
export function arrange(
  spans: Spans,
  order: Int32Array,
  by: By,
  labels: readonly string[],
  folding: Folding,
  ready: Float64Array | undefined,
): Arrangement {
  const numberOf = by === "worker" ? spans.worker : spans.step;
  const groups = grouped(order, numberOf, labels.length);
  const rows: Row[] = [];
  const slots = new Slots(spans, folding);
  for (const number of rowOrder(by, labels, groups)) {
    const group = groups[number] as Int32Array;
    const firstLane = slots.laneCount;
    slots.add(group);
    const waiting = ready && by === "step" ? waitingOf(spans, group, ready, folding) : new Float64Array();
    rows.push({ number, label: labels[number] as string, firstLane, lanes: slots.laneCount - firstLane, waiting });
  }
  return slots.arrangement(rows);
}

/** Steps in the order of the plan, workers in that of their names, as people count. */
function rowOrder(by: By, labels: readonly string[], groups: readonly (Int32Array | undefined)[]): number[] {
  const numbers = [...labels.keys()].filter((number) => groups[number] !== undefined);
  if (by === "step") return numbers;
  const names = new Intl.Collator("en", { numeric: true });
  return numbers.sort((one, other) => names.compare(labels[one] as string, labels[other] as string));
}

/** The spans of each row, by start. */
function grouped(order: Int32Array, numberOf: Int32Array, rows: number): (Int32Array | undefined)[] {
  const counts = new Int32Array(rows);
  for (const at of order) counts[numberOf[at] as number] = (counts[numberOf[at] as number] ?? 0) + 1;
  const groups = Array.from(counts, (count) => (count > 0 ? new Int32Array(count) : undefined));
  counts.fill(0);
  for (const at of order) {
    const number = numberOf[at] as number;
    const group = groups[number];
    if (group === undefined) continue; // Of a step that an update has taken away.
    group[counts[number] as number] = at;
    counts[number] = (counts[number] as number) + 1;
  }
  return groups;
}

class Slots {
  laneCount = 0;
  private readonly lanes: number[] = [0];
  private readonly order: Int32Array;
  private readonly laneOf: Int32Array;
  private filled = 0;

  constructor(
    private readonly spans: Spans,
    private readonly folding: Folding,
  ) {
    this.order = new Int32Array(spans.count);
    this.laneOf = new Int32Array(spans.count);
  }

  /** Give each span of a row the first lane that is free when it starts. */
  add(group: Int32Array): void {
    const { start, end } = this.spans;
    const free: number[] = [];
    const sizes: number[] = [];
    for (const at of group) {
      const lane = freeLane(free, start[at] as number);
      this.laneOf[at] = lane;
      free[lane] = Math.max(free[lane] ?? Number.NEGATIVE_INFINITY, end[at] as number);
      sizes[lane] = (sizes[lane] ?? 0) + 1;
    }
    this.fill(group, sizes);
    this.laneCount += sizes.length;
  }

  private fill(group: Int32Array, sizes: readonly number[]): void {
    const next: number[] = [];
    for (const size of sizes) {
      next.push(this.filled);
      this.filled += size;
      this.lanes.push(this.filled);
    }
    for (const at of group) {
      const lane = this.laneOf[at] as number;
      this.order[next[lane] as number] = at;
      next[lane] = (next[lane] as number) + 1;
    }
  }

  arrangement(rows: readonly Row[]): Arrangement {
    const count = this.filled;
    const [from, to, reach] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
    const [state, slots] = [new Uint8Array(count), new Int32Array(this.spans.count).fill(-1)];
    const extent = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };
    const isPlain = this.folding.gaps.length === 0;
    let lane = 0;
    for (let slot = 0; slot < count; slot++) {
      while (slot >= (this.lanes[lane + 1] as number)) lane++;
      const at = this.order[slot] as number;
      const [start, end] = [this.spans.start[at] as number, this.spans.end[at] as number];
      from[slot] = isPlain ? start : this.folding.toScale(start);
      to[slot] = isPlain ? end : this.folding.toScale(end);
      const isFirst = slot === this.lanes[lane];
      reach[slot] = isFirst ? (to[slot] as number) : Math.max(reach[slot - 1] as number, to[slot] as number);
      state[slot] = this.spans.state[at] as number;
      slots[at] = slot;
      extent.from = Math.min(extent.from, from[slot] as number);
      extent.to = Math.max(extent.to, to[slot] as number);
    }
    if (count === 0) Object.assign(extent, { from: 0, to: 1 });
    const lanes = Int32Array.from(this.lanes);
    return { rows, lanes, spans: this.order.subarray(0, count), slots, from, to, reach, state, extent };
  }
}

function freeLane(free: readonly number[], start: number): number {
  let earliest = 0;
  for (let lane = 0; lane < free.length; lane++) {
    if ((free[lane] as number) <= start + TOUCH_S) return lane;
    if ((free[lane] as number) < (free[earliest] as number)) earliest = lane;
  }
  return free.length < MOST_LANES ? free.length : earliest;
}

function waitingOf(spans: Spans, group: Int32Array, ready: Float64Array, folding: Folding): Float64Array {
  // By start, not by readiness: a wait that begins earlier than one before it only makes that one longer.
  const ends: number[] = [];
  for (const at of group) {
    const [from, to] = [ready[at] as number, spans.start[at] as number];
    if (!(to - from > TOUCH_S)) continue;
    while (ends.length > 0 && (ends.at(-2) as number) >= from) ends.length -= 2;
    const isJoined = ends.length > 0 && from <= (ends.at(-1) as number);
    if (isJoined) ends[ends.length - 1] = to;
    else ends.push(from, to);
  }
  return Float64Array.from(ends, (time) => folding.toScale(time));
}

/** The slots of a lane that reach into a stretch of the scale: from the first, up to before the last. */
export function slotsBetween(all: Arrangement, lane: number, from: number, to: number): [number, number] {
  const [begin, end] = [all.lanes[lane] as number, all.lanes[lane + 1] as number];
  const first = firstAbove(all.reach, from, begin, end);
  let last = firstAbove(all.from, to, first, end);
  // What takes no time and lies on the edge is seen too.
  while (last < end && all.from[last] === to) last++;
  const before = first > begin && all.to[first - 1] === from ? first - 1 : first;
  return [before, last];
}
