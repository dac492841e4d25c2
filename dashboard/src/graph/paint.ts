import { shortened } from "../canvas/shortened";
import type { Theme } from "../canvas/theme";
import type { Surface } from "../canvas/use-canvas";
import { compact } from "../formats/numbers";
import { toneOf } from "../ui/status";
import type { Camera } from "./camera";
import { HEADER } from "./layout";
import type { Standing } from "./standing";
import type { Laid } from "./use-layout";

/** All that is drawn. */
export interface Picture {
  laid: Laid;
  camera: Camera;
  standings: readonly Standing[];
  selected: number | undefined;
  hovered: number | undefined;
  found: ReadonlySet<number>;
  /** Boxes on the critical path. */
  critical: ReadonlySet<number>;
}

/** From here on, names can be read. */
const READABLE = 0.42;
/** From here on, boxes have a sign and a meter. */
const SIMPLE = 0.16;
/** More lines than this are shown for the chosen box alone, and along the critical path. */
export const MOST_LINES = 1500;

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

const rectOf = ({ layout }: Laid, box: number) =>
  [layout.x[box], layout.y[box], layout.width[box], layout.height[box]] as [number, number, number, number];

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

/** The outline of what stands out. */
function strokeOf(theme: Theme, { selected, hovered, found, critical }: Picture, box: number): string | undefined {
  if (box === selected || found.has(box)) return theme.accent;
  if (box === hovered) return theme.ink;
  return critical.has(box) ? theme.warn : undefined;
}

function lines(
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

function card(context: CanvasRenderingContext2D, theme: Theme, picture: Picture, box: number): void {
  const [x, y, width, height] = rectOf(picture.laid, box);
  const node = picture.laid.tree.nodes[box];
  const standing = picture.standings[box];
  if (!node || !standing) return;
  const { tone, sign } = toneOf(standing.status);
  const isGroup = node.step === -1;
  if (isGroup) {
    // A second sheet behind the first: there is more inside.
    context.fillStyle = theme.line;
    context.fillRect(x + 5, y + 5, width, height);
  }
  context.fillStyle = theme.raised;
  context.fillRect(x, y, width, height);
  context.fillStyle = theme[tone];
  context.fillRect(x, y, 5, height);
  const part = standing.all > 0 ? Math.min(1, standing.done / standing.all) : 0;
  context.fillStyle = theme[`${tone}Soft`];
  context.fillRect(x + 5, y + height - 5, width - 5, 5);
  context.fillStyle = theme[tone];
  context.fillRect(x + 5, y + height - 5, (width - 5) * part, 5);
  const outline = strokeOf(theme, picture, box);
  context.strokeStyle = outline ?? theme.line;
  context.lineWidth = outline ? 2.5 : 1;
  context.strokeRect(x, y, width, height);
  if (picture.camera.scale < READABLE) return;
  write(
    context,
    `${sign} ${isGroup ? "▸ " : ""}${node.label}`,
    x + 12,
    y + 15,
    width - 20,
    `600 12px ${theme.font}`,
    theme.ink,
  );
  write(
    context,
    detailOf(standing, isGroup, node.steps),
    x + 12,
    y + 31,
    width - 20,
    `11px ${theme.font}`,
    theme.quiet,
  );
}

/** How far a step is; of a group, how many of its steps stand how. */
function detailOf(standing: Standing, isGroup: boolean, steps: number): string {
  const tasks = `${compact(standing.done)} / ${compact(standing.all)}${standing.running ? `  ▶ ${compact(standing.running)}` : ""}`;
  if (!isGroup) return tasks;
  const counts = ["failed", "running", "waiting", "succeeded"]
    .filter((status) => standing.counts[status])
    .map((status) => `${toneOf(status).sign} ${compact(standing.counts[status] as number)}`);
  return `${compact(steps)}: ${counts.join("  ")}`;
}

function write(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  room: number,
  font: string,
  colour: string,
): void {
  context.font = font;
  context.fillStyle = colour;
  context.textBaseline = "middle";
  context.fillText(shortened(context, text, room), x, y);
}
