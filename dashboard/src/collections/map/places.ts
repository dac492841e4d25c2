/** Where the documents of a collection are, in its order. */
export interface Places {
  count: number;
  /** From 0 to 65535 along the longer side of the map. */
  x: Uint16Array;
  y: Uint16Array;
  /** -1 for a document of no theme. */
  theme: Int16Array;
}

/** What `GET /pipeline/{id}/map` sends: a count, then columns, all little-endian. */
export function placesFrom(sent: ArrayBuffer): Places {
  const count = new DataView(sent).getUint32(0, true);
  const column = (at: number) => 4 + 2 * count * at;
  return {
    count,
    x: new Uint16Array(sent, column(0), count),
    y: new Uint16Array(sent, column(1), count),
    theme: new Int16Array(sent, column(2), count),
  };
}

/** The middle of each theme: the means of its documents' places. */
export function middles({ count, x, y, theme }: Places): Map<number, Point> {
  const sums = new Map<number, [x: number, y: number, count: number]>();
  for (let row = 0; row < count; row += 1) {
    const of = theme[row] as number;
    let sum = sums.get(of);
    if (sum === undefined) {
      sum = [0, 0, 0];
      sums.set(of, sum);
    }
    sum[0] += x[row] as number;
    sum[1] += y[row] as number;
    sum[2] += 1;
  }
  return new Map([...sums].map(([of, [sumX, sumY, many]]) => [of, [sumX / many, sumY / many]]));
}

const CELLS = 256;
const CELL = 65536 / CELLS;

/** Finds documents by where they are: the places sorted into a grid, by counting. */
export class Grid {
  /** Where each cell begins among the rows. */
  private readonly starts = new Uint32Array(CELLS * CELLS + 1);
  private readonly rows: Uint32Array;

  constructor(private readonly places: Places) {
    const { count, x, y } = places;
    this.rows = new Uint32Array(count);
    const cells = new Uint16Array(count);
    for (let row = 0; row < count; row += 1) {
      const cell = Math.floor((y[row] as number) / CELL) * CELLS + Math.floor((x[row] as number) / CELL);
      cells[row] = cell;
      this.starts[cell + 1] = (this.starts[cell + 1] as number) + 1;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell += 1)
      this.starts[cell + 1] = (this.starts[cell + 1] as number) + (this.starts[cell] as number);
    const next = this.starts.slice();
    for (let row = 0; row < count; row += 1) {
      const cell = cells[row] as number;
      const at = next[cell] as number;
      this.rows[at] = row;
      next[cell] = at + 1;
    }
  }

  /** The row of the document that is nearest to a place, no further away than so much; -1 if there is none. */
  nearest(x: number, y: number, most: number): number {
    let [best, least] = [-1, most * most];
    this.visit(x - most, y - most, x + most, y + most, (row) => {
      const away = ((this.places.x[row] as number) - x) ** 2 + ((this.places.y[row] as number) - y) ** 2;
      if (away <= least) [best, least] = [row, away];
    });
    return best;
  }

  /** The rows of the documents inside a polygon, in the order of the collection. */
  inside(polygon: readonly Point[]): number[] {
    const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)];
    const found: number[] = [];
    this.visit(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (row) => {
      if (contains(polygon, this.places.x[row] as number, this.places.y[row] as number)) found.push(row);
    });
    return found.sort((one, other) => one - other);
  }

  private visit(left: number, top: number, right: number, bottom: number, see: (row: number) => void): void {
    const cell = (value: number) => Math.min(CELLS - 1, Math.max(0, Math.floor(value / CELL)));
    for (let down = cell(top); down <= cell(bottom); down += 1) {
      const [first, last] = [down * CELLS + cell(left), down * CELLS + cell(right)];
      const end = this.starts[last + 1] as number;
      for (let at = this.starts[first] as number; at < end; at += 1) see(this.rows[at] as number);
    }
  }
}

export type Point = readonly [x: number, y: number];

/** Whether a place is inside a polygon, by how often a ray from it crosses its sides (even–odd rule). */
export function contains(polygon: readonly Point[], x: number, y: number): boolean {
  let isInside = false;
  for (let at = 0, before = polygon.length - 1; at < polygon.length; before = at, at += 1) {
    const [[ax, ay], [bx, by]] = [polygon[at] as Point, polygon[before] as Point];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isInside = !isInside;
  }
  return isInside;
}
