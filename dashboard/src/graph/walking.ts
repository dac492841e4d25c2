import type { Laid } from "./use-layout";

export type Direction = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";

/** The box that an arrow leads to: along a line to the left or right, up and down in the same column. */
export function walk(laid: Laid, from: number | undefined, direction: Direction): number | undefined {
  const { layout } = laid;
  if (from === undefined || !layout.shown[from]) return first(laid);
  if (direction === "ArrowUp" || direction === "ArrowDown") return beside(laid, from, direction);
  const isForward = direction === "ArrowRight";
  const [starts, ends] = isForward ? [layout.lineFrom, layout.lineTo] : [layout.lineTo, layout.lineFrom];
  const next: number[] = [];
  for (let line = 0; line < starts.length; line++) if (starts[line] === from) next.push(ends[line] as number);
  return nearest(next, (box) => distanceOf(layout.y, layout.height, from, box));
}

/** The box at the left top. */
function first({ layout }: Laid): number | undefined {
  const boxes = [...layout.shown.keys()].filter((box) => layout.shown[box] === 1);
  return nearest(boxes, (box) => (layout.x[box] as number) * 1e6 + (layout.y[box] as number));
}

function beside({ layout }: Laid, from: number, direction: Direction): number | undefined {
  const sign = direction === "ArrowUp" ? -1 : 1;
  const boxes: number[] = [];
  for (let box = 0; box < layout.shown.length; box++) {
    const isInColumn = layout.shown[box] === 1 && distanceOf(layout.x, layout.width, from, box) < 60;
    if (isInColumn && sign * ((layout.y[box] as number) - (layout.y[from] as number)) > 1) boxes.push(box);
  }
  return nearest(boxes, (box) => distanceOf(layout.y, layout.height, from, box));
}

function distanceOf(start: Float64Array, length: Float64Array, one: number, other: number): number {
  const middle = (box: number) => (start[box] as number) + (length[box] as number) / 2;
  return Math.abs(middle(one) - middle(other));
}

function nearest(boxes: readonly number[], distance: (box: number) => number): number | undefined {
  let [found, least] = [undefined as number | undefined, Number.POSITIVE_INFINITY];
  for (const box of boxes) if (distance(box) < least) [found, least] = [box, distance(box)];
  return found;
}

/** The box at a place of the graph: the innermost. */
export function boxAt({ layout }: Laid, x: number, y: number): number | undefined {
  // What is inside comes after what is around it.
  for (let box = layout.shown.length - 1; box >= 0; box--) {
    if (!layout.shown[box]) continue;
    const [dx, dy] = [x - (layout.x[box] as number), y - (layout.y[box] as number)];
    if (dx >= 0 && dy >= 0 && dx <= (layout.width[box] as number) && dy <= (layout.height[box] as number)) return box;
  }
  return undefined;
}
