import { type Edges, type Effort, edgesOf, layersOf, ordered } from "./layering";
import { type Node, type PlanStep, shownAs, type Tree } from "./tree";

export const BOX_WIDTH = 190;
export const BOX_HEIGHT = 46;
const COLUMN_GAP = 56;
const ROW_GAP = 14;
const PADDING = 16;
export const HEADER = 26;
/** Layers with more boxes than this have several columns. */
const LEAST_COLUMN = 12;
/** A picture much wider than high is broken into bands, as text is into lines. */
const WIDEST = 6;

/** Where everything is. Boxes are by node of the tree, lines by number; units are pixels at full size. */
export interface Layout {
  x: Float64Array;
  y: Float64Array;
  width: Float64Array;
  height: Float64Array;
  /** 0: not shown, because a closed group stands for it; 1: a box; 2: an open group, which surrounds others. */
  shown: Uint8Array;
  /** Lines as x and y of one end, then of the other. */
  lines: Float64Array;
  /** The boxes between which each line is; inside a group, the group's border is one of them. */
  lineFrom: Int32Array;
  lineTo: Int32Array;
  /** How many dependencies of steps each line stands for. */
  weight: Int32Array;
  size: { width: number; height: number };
}

/**
 * Lay a graph out in layers from left to right, group by group from the inside out; the work grows with the number of
 * steps and dependencies.
 *
 * Lines between groups meet at the groups' borders: one line from group to group, and inside one from each box to the
 * border. So there are never more lines than dependencies times the depth of groups, and usually far fewer.
 */
export function layOut(
  steps: readonly PlanStep[],
  tree: Tree,
  open: ReadonlySet<number>,
  effort: Effort = { operations: 0 },
): Layout {
  const shown = shownAs(tree, open);
  const wires = wiresOf(steps, tree, shown, effort);
  const inside = byGroup(wires);
  const all = new Boxes(tree, shown);
  for (let group = tree.nodes.length - 1; group >= 0; group--)
    if (shown[group] === -1) all.arrange(group, (tree.nodes[group] as Node).children, inside.get(group) ?? [], effort);
  const size = all.arrange(-1, tree.roots, inside.get(-1) ?? [], effort);
  all.settle();
  return { ...all.boxes(), ...all.lines(wires), size };
}

/** A connection inside of one group, or between one of its boxes and its border. */
interface Wire {
  group: number;
  from: number;
  to: number;
  weight: number;
}

/** The connections of what is shown, each once. */
function wiresOf(steps: readonly PlanStep[], tree: Tree, shown: Int32Array, effort: Effort): Wire[] {
  const wires = new Map<string, Wire>();
  const add = (group: number, from: number, to: number) => {
    effort.operations += 1;
    const key = `${group} ${from} ${to}`;
    const known = wires.get(key);
    if (known) known.weight += 1;
    else wires.set(key, { group, from, to, weight: 1 });
  };
  for (const [step, { inputs }] of steps.entries()) {
    const target = shown[tree.nodeOf[step] as number] as number;
    for (const input of inputs) {
      const source = shown[tree.nodeOf[input] as number] as number;
      if (source !== target) route(tree, source, target, add);
    }
  }
  return [...wires.values()];
}

function byGroup(wires: readonly Wire[]): Map<number, Wire[]> {
  const groups = new Map<number, Wire[]>();
  for (const wire of wires) {
    const group = groups.get(wire.group);
    if (group) group.push(wire);
    else groups.set(wire.group, [wire]);
  }
  return groups;
}

/** From a box out of its groups, across, and into the groups of the other. */
function route(tree: Tree, source: number, target: number, add: (group: number, from: number, to: number) => void) {
  let [from, to] = [source, target];
  const around = ancestors(tree, target);
  const parentOf = (node: number) => (tree.nodes[node] as Node).parent;
  while (parentOf(from) !== -1 && !around.includes(parentOf(from))) {
    add(parentOf(from), from, -1);
    from = parentOf(from);
  }
  const common = parentOf(from);
  while (parentOf(to) !== common) {
    add(parentOf(to), -1, to);
    to = parentOf(to);
  }
  add(common, from, to);
}

function ancestors(tree: Tree, node: number): number[] {
  const found: number[] = [];
  for (let each = (tree.nodes[node] as Node).parent; each !== -1; each = (tree.nodes[each] as Node).parent)
    found.push(each);
  return found;
}

class Boxes {
  private readonly x: Float64Array;
  private readonly y: Float64Array;
  private readonly width: Float64Array;
  private readonly height: Float64Array;

  constructor(
    private readonly tree: Tree,
    private readonly shown: Int32Array,
  ) {
    const count = tree.nodes.length;
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.width = new Float64Array(count).fill(BOX_WIDTH);
    this.height = new Float64Array(count).fill(BOX_HEIGHT);
  }

  /** Place what is directly inside a group, relative to the group; gives its size, which becomes the group's. */
  arrange(group: number, children: readonly number[], wires: readonly Wire[], effort: Effort) {
    const edges = this.edgesInside(children, wires);
    const rows = ordered(edges, layersOf(edges, effort), effort).map((row) =>
      row.map((each) => children[each] as number),
    );
    const size = this.place(this.columns(rows), group === -1 ? 0 : HEADER);
    if (group !== -1) [this.width[group], this.height[group]] = [Math.max(size.width, BOX_WIDTH), size.height];
    return size;
  }

  private edgesInside(children: readonly number[], wires: readonly Wire[]): Edges {
    const numbers = new Map(children.map((child, index) => [child, index]));
    const inside = wires.filter((wire) => wire.from !== -1 && wire.to !== -1);
    const pairs = inside.map((wire) => [numbers.get(wire.from) as number, numbers.get(wire.to) as number] as const);
    return edgesOf(children.length, pairs);
  }

  /** Layers that are too high for a screen have several columns. */
  private columns(rows: readonly number[][]): number[][] {
    const count = rows.reduce((sum, row) => sum + row.length, 0);
    const most = Math.max(LEAST_COLUMN, Math.ceil(Math.sqrt(count) * 2));
    return rows.flatMap((row) => {
      const parts = Math.ceil(row.length / most);
      const height = Math.ceil(row.length / parts);
      return Array.from({ length: parts }, (_, part) => row.slice(part * height, (part + 1) * height));
    });
  }

  private place(columns: readonly number[][], header: number): { width: number; height: number } {
    const widths = columns.map((column) => column.reduce((most, box) => Math.max(most, this.width[box] as number), 0));
    const heights = columns.map((column) => this.heightOf(column));
    const band = bandWidth(widths, heights);
    let [x, top, high, wide, begun] = [PADDING, PADDING + header, 0, 0, 0];
    const close = (end: number) => {
      for (let index = begun; index < end; index++) this.centre(columns[index] as number[], top, high);
      [begun, top, high] = [end, top + high + COLUMN_GAP, 0];
    };
    for (const [index, column] of columns.entries()) {
      if (x > PADDING && x + (widths[index] as number) > band) {
        close(index);
        x = PADDING;
      }
      for (const box of column) this.x[box] = x;
      x += (widths[index] as number) + COLUMN_GAP;
      high = Math.max(high, heights[index] as number);
      wide = Math.max(wide, x - COLUMN_GAP);
    }
    close(columns.length);
    return { width: wide + PADDING, height: top - COLUMN_GAP + PADDING };
  }

  private heightOf(column: readonly number[]): number {
    return column.reduce((sum, box) => sum + (this.height[box] as number) + ROW_GAP, -ROW_GAP);
  }

  private centre(column: readonly number[], top: number, height: number): void {
    let y = top + (height - this.heightOf(column)) / 2;
    for (const box of column) {
      this.y[box] = y;
      y += (this.height[box] as number) + ROW_GAP;
    }
  }

  /** From places inside groups to places in the whole: each group comes before what is in it. */
  settle(): void {
    for (const [position, { parent }] of this.tree.nodes.entries()) {
      if (parent === -1) continue;
      this.x[position] = (this.x[position] as number) + (this.x[parent] as number);
      this.y[position] = (this.y[position] as number) + (this.y[parent] as number);
    }
  }

  boxes() {
    const shown = Uint8Array.from(this.shown, (as, position) => (as === -1 ? 2 : as === position ? 1 : 0));
    return { x: this.x, y: this.y, width: this.width, height: this.height, shown };
  }

  lines(wires: readonly Wire[]) {
    const lines = new Float64Array(wires.length * 4);
    const [lineFrom, lineTo] = [new Int32Array(wires.length), new Int32Array(wires.length)];
    const weight = new Int32Array(wires.length);
    for (const [index, wire] of wires.entries()) {
      const from = wire.from === -1 ? wire.group : wire.from;
      const to = wire.to === -1 ? wire.group : wire.to;
      const start = wire.from === -1 ? this.x[from] : (this.x[from] as number) + (this.width[from] as number);
      const end = wire.to === -1 ? (this.x[to] as number) + (this.width[to] as number) : this.x[to];
      lines.set([start as number, this.middle(from), end as number, this.middle(to)], index * 4);
      lineFrom[index] = from;
      lineTo[index] = to;
      weight[index] = wire.weight;
    }
    return { lines, lineFrom, lineTo, weight };
  }

  private middle(box: number): number {
    return (this.y[box] as number) + (this.height[box] as number) / 2;
  }
}

/** How wide a band may be: all in one, unless that is much wider than high. */
function bandWidth(widths: readonly number[], heights: readonly number[]): number {
  const wide = widths.reduce((sum, width) => sum + width + COLUMN_GAP, 0);
  const high = heights.reduce((most, height) => Math.max(most, height), BOX_HEIGHT * 4);
  if (wide <= high * WIDEST) return Number.POSITIVE_INFINITY;
  return Math.sqrt(wide * (high + COLUMN_GAP) * 2);
}
