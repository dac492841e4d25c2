/** A stretch of time in which nothing ran, in seconds. */
export interface Gap {
  from: number;
  to: number;
}

const LEAST_GAP_S = 30;
const PART_OF_BUSY = 0.25;
const SHOWN_PART = 0.03;

/** Stretches in which nothing ran that are long beside what did run, in order. */
export function longGaps(start: Float64Array, end: Float64Array, order: Int32Array): Gap[] {
  const all: Gap[] = [];
  let [reached, busy] = [start[order[0] ?? 0] as number, 0];
  for (const at of order) {
    const [from, to] = [start[at] as number, end[at] as number];
    if (from > reached) all.push({ from: reached, to: from });
    busy += Math.max(0, to - Math.max(reached, from));
    reached = Math.max(reached, to);
  }
  const least = Math.max(LEAST_GAP_S, busy * PART_OF_BUSY);
  return all.filter((gap) => gap.to - gap.from >= least);
}

/** Where moments are on a scale on which long gaps are short; without gaps it is time itself. */
export class Folding {
  /** How much of the scale each gap takes, in seconds. */
  readonly shown: number;

  constructor(
    readonly gaps: readonly Gap[],
    length: number,
  ) {
    const idle = gaps.reduce((sum, gap) => sum + gap.to - gap.from, 0);
    this.shown = gaps.length === 0 ? 0 : Math.max((length - idle) * SHOWN_PART, 1e-3);
  }

  /** The place of a moment on the scale. */
  toScale(time: number): number {
    let folded = 0;
    for (const gap of this.gaps) {
      const length = gap.to - gap.from;
      if (time >= gap.to) folded += length - this.shown;
      else if (time <= gap.from) break;
      else return time - folded - (time - gap.from) * (1 - this.shown / length);
    }
    return time - folded;
  }

  /** The moment at a place of the scale. */
  toTime(place: number): number {
    let folded = 0;
    for (const gap of this.gaps) {
      const from = gap.from - folded;
      if (place <= from) break;
      const length = gap.to - gap.from;
      if (place < from + this.shown) return gap.from + ((place - from) / this.shown) * length;
      folded += length - this.shown;
    }
    return place + folded;
  }
}
