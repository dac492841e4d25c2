import type { Theme } from "../canvas/theme";
import type { Picture } from "./picture";

/** More lines than this are shown for the chosen box alone, and along the critical path. */
const MOST_LINES = 1500;

/** Draw the lines in sight; gives whether that is all of them. */
export function lines(
  context: CanvasRenderingContext2D,
  theme: Theme,
  picture: Picture,
  left: number,
  top: number,
  right: number,
  bottom: number,
): boolean {
  const { layout } = picture.laid;
  const seen: number[] = [];
  const marked: number[] = [];
  for (let line = 0; line < layout.weight.length; line++) {
    const [x1, x2] = [layout.lines[line * 4] as number, layout.lines[line * 4 + 2] as number];
    if (Math.min(x1, x2) > right || Math.max(x1, x2) < left) continue;
    const [y1, y2] = [layout.lines[line * 4 + 1] as number, layout.lines[line * 4 + 3] as number];
    if (Math.min(y1, y2) > bottom || Math.max(y1, y2) < top) continue;
    if (isMarked(picture, line)) marked.push(line);
    else if (seen.length <= MOST_LINES) seen.push(line);
  }
  const areAllShown = seen.length <= MOST_LINES;
  const thin = 1 / Math.min(1, picture.camera.scale * 1.4);
  if (areAllShown) stroke(context, picture, seen, theme.lineStrong, thin, 0.55);
  const critical = marked.filter((line) => isCritical(picture, line));
  stroke(context, picture, critical, theme.warn, thin * 2.5, 1);
  const chosen = marked.slice(0, MOST_LINES).filter((line) => !critical.includes(line));
  stroke(context, picture, chosen, theme.accent, thin * 2, 1);
  return areAllShown;
}

function isCritical({ laid: { layout }, critical }: Picture, line: number): boolean {
  return critical.has(layout.lineFrom[line] as number) && critical.has(layout.lineTo[line] as number);
}

function isMarked(picture: Picture, line: number): boolean {
  const { layout } = picture.laid;
  const [from, to] = [layout.lineFrom[line], layout.lineTo[line]];
  const isNear = (box: number | undefined) => box !== undefined && (from === box || to === box);
  return isNear(picture.selected) || isNear(picture.hovered) || isCritical(picture, line);
}

function stroke(
  context: CanvasRenderingContext2D,
  { laid: { layout } }: Picture,
  numbers: readonly number[],
  colour: string,
  width: number,
  alpha: number,
): void {
  if (numbers.length === 0) return;
  context.beginPath();
  for (const line of numbers) {
    const [x1, y1] = [layout.lines[line * 4] as number, layout.lines[line * 4 + 1] as number];
    const [x2, y2] = [layout.lines[line * 4 + 2] as number, layout.lines[line * 4 + 3] as number];
    const bend = Math.min(120, Math.max(24, Math.abs(x2 - x1) / 2));
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.globalAlpha = alpha;
  context.stroke();
  context.globalAlpha = 1;
}
