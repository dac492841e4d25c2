import type { Theme } from "../canvas/theme";
import { STATES } from "./states";

type State = (typeof STATES)[number];

/** How a state is drawn: a colour, a pattern on it, and a sign where there is room. */
export interface Look {
  fill: string;
  ink: string;
  sign: string;
  pattern: "none" | "outline" | "slashes" | "dots" | "bars" | "checks" | "backslashes";
}

/** The look of each state; no two are told apart by colour alone. */
export function looksOf(theme: Theme): Record<State, Look> {
  return {
    succeeded: { fill: theme.good, ink: theme.raised, sign: "✓", pattern: "none" },
    cached: { fill: theme.goodSoft, ink: theme.good, sign: "≡", pattern: "outline" },
    refused: { fill: theme.warn, ink: theme.raised, sign: "⊘", pattern: "backslashes" },
    lost: { fill: theme.warn, ink: theme.raised, sign: "?", pattern: "dots" },
    timed_out: { fill: theme.bad, ink: theme.raised, sign: "⏱", pattern: "bars" },
    out_of_memory: { fill: theme.bad, ink: theme.raised, sign: "▣", pattern: "checks" },
    failed: { fill: theme.bad, ink: theme.raised, sign: "✕", pattern: "slashes" },
  };
}

const TILE = 6;
const TILES: Record<Look["pattern"], readonly (readonly [number, number])[]> = {
  none: [],
  outline: [],
  slashes: [[0, 5], [1, 4], [2, 3], [3, 2], [4, 1], [5, 0]],
  backslashes: [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [5, 5]],
  dots: [[1, 1], [4, 4]],
  bars: [[0, 2], [1, 2], [2, 2], [3, 2], [4, 2], [5, 2]],
  checks: [[0, 0], [1, 0], [0, 1], [1, 1], [3, 3], [4, 3], [3, 4], [4, 4]],
}; // biome-ignore format: pixels.

/** Styles of all states, by their number. */
export interface Styles {
  theme: Theme;
  looks: readonly Look[];
  fills: readonly (string | CanvasPattern)[];
  waiting: string | CanvasPattern;
  gap: string | CanvasPattern;
}

let known: Styles | undefined;

/** Styles for a theme; made once. */
export function stylesOf(context: CanvasRenderingContext2D, theme: Theme): Styles {
  if (known?.theme === theme) return known;
  const all = looksOf(theme);
  const looks = STATES.map((state) => all[state]);
  const waiting = tile(context, theme.stillSoft, theme.still, TILES.slashes);
  const gap = tile(context, theme.sunken, theme.line, TILES.backslashes);
  known = { theme, looks, fills: looks.map((look) => fillOf(context, look)), waiting, gap };
  return known;
}

function fillOf(context: CanvasRenderingContext2D, look: Look): string | CanvasPattern {
  const tiles = TILES[look.pattern];
  return tiles.length === 0 ? look.fill : tile(context, look.fill, look.ink, tiles);
}

function tile(
  context: CanvasRenderingContext2D,
  fill: string,
  ink: string,
  points: readonly (readonly [number, number])[],
): string | CanvasPattern {
  const canvas = new OffscreenCanvas(TILE, TILE);
  const pen = canvas.getContext("2d");
  if (pen === null) return fill;
  pen.fillStyle = fill;
  pen.fillRect(0, 0, TILE, TILE);
  pen.fillStyle = ink;
  pen.globalAlpha = 0.75;
  for (const [x, y] of points) pen.fillRect(x, y, 1, 1);
  return context.createPattern(canvas, "repeat") ?? fill;
}
