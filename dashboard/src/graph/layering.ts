/** A graph of `count` vertices; edge number i goes from `from[i]` to `to[i]`. No edge comes twice or from itself. */
export interface Edges {
  count: number;
  from: Int32Array;
  to: Int32Array;
}

/** Neighbours of each vertex, side by side: those of vertex v are `items` from `starts[v]` to before `starts[v + 1]`. */
interface Neighbours {
  starts: Int32Array;
  items: Int32Array;
}

/** Counts what was done, for the proof that it grows no faster than the graph. */
export interface Effort {
  operations: number;
}

/** Vertices and edges, without those that are there already. */
export function edgesOf(count: number, pairs: Iterable<readonly [number, number]>): Edges {
  const keys = new Set<number>();
  for (const [from, to] of pairs) if (from !== to) keys.add(from * count + to);
  const [starts, ends] = [new Int32Array(keys.size), new Int32Array(keys.size)];
  let at = 0;
  for (const key of keys) {
    starts[at] = Math.floor(key / count);
    ends[at++] = key % count;
  }
  return { count, from: starts, to: ends };
}

export function neighbours(count: number, of: Int32Array, others: Int32Array): Neighbours {
  const starts = new Int32Array(count + 1);
  for (const vertex of of) starts[vertex + 1] = (starts[vertex + 1] as number) + 1;
  for (let vertex = 0; vertex < count; vertex++)
    starts[vertex + 1] = (starts[vertex + 1] as number) + (starts[vertex] as number);
  const next = starts.slice();
  const items = new Int32Array(of.length);
  for (let edge = 0; edge < of.length; edge++) {
    const vertex = of[edge] as number;
    items[next[vertex] as number] = others[edge] as number;
    next[vertex] = (next[vertex] as number) + 1;
  }
  return { starts, items };
}

/**
 * The layer of each vertex: one more than the farthest of those before it (longest path; Kahn's order). Groups can
 * depend on each other in circles although steps cannot: the vertex with the lowest number then goes first, and edges
 * back to it count for nothing. Each vertex and each edge is looked at once.
 */
export function layersOf(edges: Edges, effort: Effort = { operations: 0 }): Int32Array {
  const { count } = edges;
  const after = neighbours(count, edges.from, edges.to);
  const missing = new Int32Array(count);
  for (const vertex of edges.to) missing[vertex] = (missing[vertex] as number) + 1;
  const layers = new Int32Array(count);
  const isDone = new Uint8Array(count);
  const queue: number[] = [];
  for (let vertex = 0; vertex < count; vertex++) if (missing[vertex] === 0) queue.push(vertex);
  let [head, lowest] = [0, 0];
  for (let done = 0; done < count; done++) {
    if (head === queue.length) {
      while (isDone[lowest]) lowest++;
      queue.push(lowest);
    }
    const vertex = queue[head++] as number;
    isDone[vertex] = 1;
    effort.operations += 1;
    for (let at = after.starts[vertex] as number; at < (after.starts[vertex + 1] as number); at++) {
      const other = after.items[at] as number;
      effort.operations += 1;
      if (isDone[other]) continue;
      layers[other] = Math.max(layers[other] as number, (layers[vertex] as number) + 1);
      missing[other] = (missing[other] as number) - 1;
      if (missing[other] === 0) queue.push(other);
    }
  }
  return layers;
}

const SWEEPS = 3;

/**
 * The vertices of each layer, ordered so that edges cross little: by the mean place of the neighbours in the layers
 * before, then behind, a few times (barycentre; Sugiyama, Tagawa and Toda, 1981).
 */
export function ordered(edges: Edges, layers: Int32Array, effort: Effort = { operations: 0 }): number[][] {
  const { count } = edges;
  const rows: number[][] = [];
  for (let vertex = 0; vertex < count; vertex++) {
    const layer = layers[vertex] as number;
    const row = rows[layer] ?? [];
    rows[layer] = row;
    row.push(vertex);
  }
  const place = new Float64Array(count);
  const settle = (row: number[]) => {
    for (const [index, vertex] of row.entries()) place[vertex] = (index + 0.5) / row.length;
  };
  for (const row of rows) settle(row);
  const before = neighbours(count, edges.to, edges.from);
  const behind = neighbours(count, edges.from, edges.to);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isForward = sweep % 2 === 0;
    for (const row of isForward ? rows : rows.toReversed()) {
      sortByMean(row, isForward ? before : behind, place, effort);
      settle(row);
    }
  }
  return rows;
}

function sortByMean(row: number[], { starts, items }: Neighbours, place: Float64Array, effort: Effort): void {
  const means = new Map<number, number>();
  for (const vertex of row) {
    const [from, to] = [starts[vertex] as number, starts[vertex + 1] as number];
    let sum = 0;
    for (let at = from; at < to; at++) sum += place[items[at] as number] as number;
    effort.operations += to - from + 1;
    means.set(vertex, to > from ? sum / (to - from) : (place[vertex] as number));
  }
  row.sort((one, other) => (means.get(one) as number) - (means.get(other) as number) || one - other);
}
