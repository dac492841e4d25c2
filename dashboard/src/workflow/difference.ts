export interface DifferenceLine {
  side: "one" | "other" | "both";
  text: string;
}

/**
 * The shortest edit script from some lines to others (Myers 1986, “An O(ND) Difference Algorithm and Its Variations”).
 *
 * Takes O((N + M) D) time and O(D²) memory for D lines that differ.
 */
export function difference(one: readonly string[], other: readonly string[]): DifferenceLine[] {
  const most = one.length + other.length;
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
  return [];
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
