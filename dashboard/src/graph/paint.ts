import type { Theme } from "../canvas/theme";
import type { Surface } from "../canvas/use-canvas";
import { toneOf } from "../ui/status";
import { card } from "./card";
import { HEADER } from "./layout";
import { lines } from "./lines";
import { type Picture, rectOf, strokeOf, write } from "./picture";

/** From here on, boxes have a sign and a meter. */
const SIMPLE = 0.16;

type Tone = "good" | "bad" | "warn" | "busy" | "still";

interface Boxes {
  groups: number[];
  nodes: number[];
}

/** Draw a graph; gives whether all its lines in sight are shown. */
export function paint(surface: Surface, picture: Picture): boolean {
  const { context, width, height, theme } = surface;
  context.fillStyle = theme.ground;
  context.fillRect(0, 0, width, height);
  const { scale, x, y } = picture.camera;
  context.save();
  context.scale(scale, scale);
  context.translate(-x, -y);
  const seen = boxesIn(picture, x, y, x + width / scale, y + height / scale);
  for (const group of seen.groups) openGroup(context, theme, picture, group);
  const areAllShown = lines(context, theme, picture, x, y, x + width / scale, y + height / scale);
  nodes(context, theme, picture, seen.nodes);
  context.restore();
  return areAllShown;
}

function boxesIn({ laid: { layout } }: Picture, left: number, top: number, right: number, bottom: number): Boxes {
  const [groups, nodes]: [number[], number[]] = [[], []];
  const { x, y, width, height, shown } = layout;
  for (let box = 0; box < shown.length; box++) {
    if (!shown[box]) continue;
    const [at, up] = [x[box] as number, y[box] as number];
    if (at > right || up > bottom || at + (width[box] as number) < left || up + (height[box] as number) < top) continue;
    (shown[box] === 2 ? groups : nodes).push(box);
  }
  return { groups, nodes };
}

function openGroup(context: CanvasRenderingContext2D, theme: Theme, picture: Picture, box: number): void {
  const [x, y, width, height] = rectOf(picture.laid, box);
  const { scale } = picture.camera;
  context.fillStyle = theme.sunken;
  context.fillRect(x, y, width, height);
  context.strokeStyle = strokeOf(theme, picture, box) ?? theme.line;
  context.lineWidth = (picture.selected === box || picture.hovered === box ? 2.5 : 1) / Math.min(1, scale);
  context.strokeRect(x, y, width, height);
  if (scale < SIMPLE) return;
  const text = `▾ ${picture.laid.tree.nodes[box]?.label ?? ""}`;
  write(context, text, x + 10, y + HEADER / 2 + 3, width - 20, `600 13px ${theme.font}`, theme.quiet);
}

function nodes(context: CanvasRenderingContext2D, theme: Theme, picture: Picture, boxes: readonly number[]): void {
  if (picture.camera.scale < SIMPLE) specks(context, theme, picture, boxes);
  else for (const box of boxes) card(context, theme, picture, box);
}

/** From far away a box is a patch in the colour of its status; each colour is set once. */
function specks(context: CanvasRenderingContext2D, theme: Theme, picture: Picture, boxes: readonly number[]): void {
  const byTone = new Map<Tone, number[]>();
  for (const box of boxes) {
    const { tone } = toneOf(picture.standings[box]?.status ?? "");
    const same = byTone.get(tone);
    if (same) same.push(box);
    else byTone.set(tone, [box]);
  }
  for (const [tone, all] of byTone) {
    context.fillStyle = tone === "still" ? theme.line : theme[tone];
    for (const box of all) context.fillRect(...rectOf(picture.laid, box));
  }
  const least = 3 / picture.camera.scale;
  for (const box of boxes) {
    const colour = strokeOf(theme, picture, box);
    if (colour === undefined) continue;
    const [x, y, width, height] = rectOf(picture.laid, box);
    context.strokeStyle = colour;
    context.lineWidth = least;
    context.strokeRect(x, y, width, height);
  }
}
