export interface DifferenceLine {
  side: "one" | "other" | "both";
  text: string;
}

/** Edits after which texts have so little in common that it is not worth looking for it. */
const MOST_EDITS = 1_000;

/** The lines that begin or end both texts, which need no search, around the difference of what is between. */
export function difference(one: readonly string[], other: readonly string[]): DifferenceLine[] {
  const shorter = Math.min(one.length, other.length);
  let first = 0;
  while (first < shorter && one[first] === other[first]) first += 1;
  let last = 0;
  while (last < shorter - first && one.at(-1 - last) === other.at(-1 - last)) last += 1;
  const both = (text: string): DifferenceLine => ({ side: "both", text });
  return [
    ...one.slice(0, first).map(both),
    ...between(one.slice(first, one.length - last), other.slice(first, other.length - last)),
    ...one.slice(one.length - last).map(both),
  ];
}

/**
 * The shortest edit script from some lines to others (Myers 1986, “An O(ND) Difference Algorithm and Its Variations”).
 *
 * Takes O((N + M) D) time and O(D²) memory for D lines that differ; beyond 1,000 all lines differ.
 */
function between(one: readonly string[], other: readonly string[]): DifferenceLine[] {
  const most = Math.min(one.length + other.length, MOST_EDITS);
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = goesDown(furthest, diagonal, edits) ? at(furthest, diagonal + 1) : at(furthest, diagonal - 1) + 1;
      while (x < one.length && x - diagonal < other.length && one[x] === other[x - diagonal]) x += 1;
      furthest.set(diagonal, x);
      if (x >= one.length && x - diagonal >= other.length) return backtracked(trace, one, other);
    }
  }
  return [
    ...one.map((text): DifferenceLine => ({ side: "one", text })),
    ...other.map((text): DifferenceLine => ({ side: "other", text })),
  ];
}

const at = (furthest: Map<number, number>, diagonal: number) => furthest.get(diagonal) ?? -1;

function goesDown(furthest: Map<number, number>, diagonal: number, edits: number): boolean {
  return diagonal === -edits || (diagonal !== edits && at(furthest, diagonal - 1) < at(furthest, diagonal + 1));
}

function backtracked(trace: Map<number, number>[], one: readonly string[], other: readonly string[]): DifferenceLine[] {
  const lines: DifferenceLine[] = [];
  let [x, y] = [one.length, other.length];
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const furthest = trace[edits] as Map<number, number>;
    const diagonal = x - y;
    const isDown = goesDown(furthest, diagonal, edits);
    const earlierX = at(furthest, isDown ? diagonal + 1 : diagonal - 1);
    const earlierY = earlierX - (isDown ? diagonal + 1 : diagonal - 1);
    while (x > earlierX && y > earlierY && x > 0 && y > 0) {
      lines.push({ side: "both", text: one[x - 1] as string });
      [x, y] = [x - 1, y - 1];
    }
    if (edits === 0) break;
    lines.push(isDown ? { side: "other", text: other[y - 1] as string } : { side: "one", text: one[x - 1] as string });
    [x, y] = [earlierX, earlierY];
  }
  return lines.reverse();
}

/** Lines that are shown, or how many alike are left out. */
export type Passage = { lines: readonly DifferenceLine[] } | { alike: number };

/** A difference without long stretches that are alike: some lines of them are kept around what differs. */
export function passages(lines: readonly DifferenceLine[], context = 3): Passage[] {
  const isNear = new Uint8Array(lines.length);
  lines.forEach((line, at) => {
    if (line.side !== "both") isNear.fill(1, Math.max(0, at - context), at + context + 1);
  });
  const found: Passage[] = [];
  for (let start = 0, end = 0; start < lines.length; start = end) {
    for (end = start; end < lines.length && isNear[end] === isNear[start]; ) end += 1;
    found.push(isNear[start] ? { lines: lines.slice(start, end) } : { alike: end - start });
  }
  return found;
}
