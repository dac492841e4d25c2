import type { Surface } from "../../canvas/use-canvas";
import type { Places, Point } from "./places";

/** Which part of the map is seen: the place at the left top, and pixels for each of its units. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export const WHOLE = 65535;
const MARGIN = 0.04;

/** All of the map. */
export function whole(width: number, height: number): View {
  const scale = (Math.min(width, height) * (1 - 2 * MARGIN)) / WHOLE;
  return { scale, x: (WHOLE - width / scale) / 2, y: (WHOLE - height / scale) / 2 };
}

const LIGHT = [
  "#1f5fbf",
  "#b3561e",
  "#14713d",
  "#9b2f74",
  "#6a4fc1",
  "#7a6200",
  "#177a80",
  "#a8322a",
  "#44546a",
  "#4c7a12",
];
const DARK = [
  "#7fb2ff",
  "#f2a36a",
  "#6fd39a",
  "#f08fce",
  "#b6a2ff",
  "#e2c75a",
  "#69d3d9",
  "#ff9d94",
  "#b7c3d2",
  "#b3dc77",
];

/** The colour of a theme; the same for the map and for the list beside it. */
export function colourOf(theme: number, isDark: boolean): string {
  const colours = isDark ? DARK : LIGHT;
  return theme < 0 ? (isDark ? "#566373" : "#aab3bf") : (colours[theme % colours.length] as string);
}

/** A colour as a pixel holds it: alpha, blue, green, red, from the highest byte. */
function pixelOf(colour: string): number {
  const value = Number.parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

/** How many pixels wide a document is drawn: the fewer there are, and the closer one looks, the larger. */
function sizeOf(count: number, view: View, ratio: number): number {
  const usual = Math.min(6, Math.max(1, 200 / Math.sqrt(Math.max(1, count))));
  const closer = Math.max(1, Math.min(3, view.scale * 100));
  return Math.max(1, Math.round(usual * closer * ratio));
}

/** The name of a theme, and the middle of its documents. */
export interface Label {
  theme: number;
  text: string;
  x: number;
  y: number;
}

export interface Shown {
  places: Places;
  labels: readonly Label[];
  view: View;
  /** The themes that stand out; all of them without any. */
  standing: ReadonlySet<number> | null;
  /** The document under the pointer, or -1. */
  hovered: number;
  lasso: readonly Point[];
  isDark: boolean;
}

let kept: ImageData | undefined;

/** Pixels of that size, all in one colour. */
function blank(width: number, height: number, colour: number): ImageData {
  if (kept?.width !== width || kept.height !== height) kept = new ImageData(width, height);
  new Uint32Array(kept.data.buffer).fill(colour);
  return kept;
}

/** Draw every document that is in sight straight into the pixels: a million of them within a frame. */
export function paint(surface: Surface, shown: Shown): void {
  const { width, height } = surface.context.canvas;
  if (width === 0 || height === 0) return;
  const image = blank(width, height, pixelOf(shown.isDark ? "#0b0f15" : "#ffffff"));
  splat(new Uint32Array(image.data.buffer), width, height, shown);
  surface.context.putImageData(image, 0, 0);
  paintLabels(surface, shown);
  paintLasso(surface, shown);
  if (shown.hovered >= 0) paintRing(surface, shown);
}

function splat(pixels: Uint32Array, width: number, height: number, shown: Shown): void {
  const { places, view, standing, isDark } = shown;
  const { x, y, theme: themes } = places;
  const scale = view.scale * devicePixelRatio;
  const size = sizeOf(places.count, view, devicePixelRatio);
  const colours = coloursOf(places, standing, isDark);
  const shift = Math.floor(size / 2);
  for (let row = 0; row < places.count; row += 1) {
    const left = Math.floor(((x[row] as number) - view.x) * scale) - shift;
    const top = Math.floor(((y[row] as number) - view.y) * scale) - shift;
    if (left < 0 || top < 0 || left + size > width || top + size > height) continue;
    const colour = colours[(themes[row] as number) + 1] as number;
    for (let down = 0; down < size; down += 1) {
      const start = (top + down) * width + left;
      for (let right = 0; right < size; right += 1) pixels[start + right] = colour;
    }
  }
}

let colouring:
  | { places: Places; standing: ReadonlySet<number> | null; isDark: boolean; colours: Uint32Array }
  | undefined;

/** The pixel of each theme, from -1 on. */
function coloursOf(places: Places, standing: ReadonlySet<number> | null, isDark: boolean): Uint32Array {
  if (colouring?.places === places && colouring.standing === standing && colouring.isDark === isDark)
    return colouring.colours;
  const most = places.theme.reduce((largest, theme) => Math.max(largest, theme), -1);
  const faint = pixelOf(isDark ? "#2b3542" : "#d3d9e1");
  const colours = Uint32Array.from({ length: most + 2 }, (_, at) =>
    standing === null || standing.has(at - 1) ? pixelOf(colourOf(at - 1, isDark)) : faint,
  );
  colouring = { places, standing, isDark, colours };
  return colours;
}

const MOST_LABELS = 60;
const LABEL_PX = 130;

/** Names at the middles of themes, the largest first; what has no room is left out. */
function paintLabels({ context, theme: colours }: Surface, { labels, view, standing, isDark }: Shown): void {
  const taken: [x: number, y: number][] = [];
  context.font = `600 13px ${colours.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const label of labels.slice(0, MOST_LABELS)) {
    const [x, y] = [(label.x - view.x) * view.scale, (label.y - view.y) * view.scale];
    const isCrowded = taken.some(([otherX, otherY]) => Math.abs(otherX - x) < LABEL_PX && Math.abs(otherY - y) < 18);
    if (isCrowded || (standing !== null && !standing.has(label.theme))) continue;
    taken.push([x, y]);
    context.lineWidth = 4;
    context.strokeStyle = isDark ? "#0b0f15" : "#ffffff";
    context.strokeText(label.text, x, y);
    context.fillStyle = colours.ink;
    context.fillText(label.text, x, y);
  }
  context.textAlign = "start";
  context.textBaseline = "alphabetic";
}

function paintLasso({ context, theme }: Surface, { lasso, view }: Shown): void {
  if (lasso.length < 2) return;
  context.beginPath();
  for (const [x, y] of lasso) context.lineTo((x - view.x) * view.scale, (y - view.y) * view.scale);
  context.closePath();
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.stroke();
  context.setLineDash([]);
}

function paintRing({ context, theme }: Surface, { places, hovered, view }: Shown): void {
  const x = ((places.x[hovered] as number) - view.x) * view.scale;
  const y = ((places.y[hovered] as number) - view.y) * view.scale;
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.strokeStyle = theme.ink;
  context.lineWidth = 2;
  context.stroke();
}
