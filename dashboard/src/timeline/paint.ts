import { shortened } from "../canvas/shortened";
import type { Surface } from "../canvas/use-canvas";
import { duration } from "../formats/numbers";
import type { Zone } from "../formats/times";
import type { Arrangement, Row } from "./arrangement";
import { dateOf, ticks } from "./axis";
import { binned } from "./bins";
import type { Folding } from "./folding";
import { AXIS_PX, type Layout, placeOf, ROW_GAP_PX, rowsBetween, topOf, type View, WAITING_PX } from "./layout";
import { type Styles, stylesOf } from "./patterns";
import { FIRST_BAD, STATES } from "./states";

/** Something that happened to the workflow as a whole. */
export interface Mark {
  time: number;
  sign: string;
  label: string;
}

/** All that is drawn. */
export interface Picture {
  arrangement: Arrangement;
  layout: Layout;
  folding: Folding;
  view: View;
  /** Milliseconds since 1970 at which times begin. */
  origin: number;
  zone: Zone;
  marks: readonly Mark[];
  /** What is written in a bar that has room. */
  labelOf: (slot: number) => string;
  selected: number | undefined;
  hovered: number | undefined;
  /** Since when a span could have started, on the folded scale. */
  waitedFrom: (slot: number) => number | undefined;
}

const LEAST_BAD_PX = 3;
const SIGN_PX = 14;
const LABEL_PX = 64;
const MARKS_APART_PX = 12;

/** Draw a timeline. */
export function paint(surface: Surface, picture: Picture): void {
  const { context, width, height, theme } = surface;
  const styles = stylesOf(context, theme);
  context.fillStyle = theme.raised;
  context.fillRect(0, 0, width, height);
  const { layout, view } = picture;
  context.save();
  context.beginPath();
  context.rect(0, AXIS_PX, width, height - AXIS_PX);
  context.clip();
  const rows = rowsBetween(layout, view.scroll, view.scroll + height - AXIS_PX);
  stripes(surface, picture, rows);
  context.beginPath();
  context.rect(layout.labels, AXIS_PX, width - layout.labels, height - AXIS_PX);
  context.clip();
  gaps(surface, picture, styles);
  grid(surface, picture);
  bars(surface, picture, styles, rows);
  outline(surface, picture, picture.hovered, theme.ink);
  outline(surface, picture, picture.selected, theme.accent);
  context.restore();
  labels(surface, picture, rows);
  axis(surface, picture);
}

/** Where a place of the folded scale is, in pixels. */
const xOf = ({ view, layout }: Picture, place: number) =>
  layout.labels + ((place - view.window.from) / (view.window.to - view.window.from)) * (view.width - layout.labels);

function stripes({ context, width, theme }: Surface, { layout, view }: Picture, [first, last]: [number, number]): void {
  context.fillStyle = theme.ground;
  for (let row = first; row < last; row++) {
    const top = topOf(layout, row);
    if (row % 2 === 1) context.fillRect(0, AXIS_PX + top - view.scroll, width, (layout.bottoms[row] as number) - top);
  }
}

function gaps({ context, height, theme }: Surface, picture: Picture, styles: Styles): void {
  for (const gap of picture.folding.gaps) {
    const [from, to] = [xOf(picture, picture.folding.toScale(gap.from)), xOf(picture, picture.folding.toScale(gap.to))];
    if (to < picture.layout.labels || from > picture.view.width) continue;
    context.fillStyle = styles.gap;
    context.fillRect(from, AXIS_PX, to - from, height);
    context.fillStyle = theme.lineStrong;
    context.fillRect(from, AXIS_PX, 1, height);
    context.fillRect(to - 1, AXIS_PX, 1, height);
  }
}

function ticksOf(picture: Picture) {
  const { view, layout, origin, folding, zone } = picture;
  return ticks(view.window, view.width - layout.labels, origin, folding, zone);
}

function grid({ context, height, theme }: Surface, picture: Picture): void {
  context.fillStyle = theme.line;
  for (const tick of ticksOf(picture)) context.fillRect(Math.round(xOf(picture, tick.place)), AXIS_PX, 1, height);
}

/** Rectangles by state, so that each colour is set once; kept between frames. */
const batches: number[][] = STATES.map(() => []);

function bars(surface: Surface, picture: Picture, styles: Styles, [first, last]: [number, number]): void {
  for (const batch of batches) batch.length = 0;
  const { arrangement, layout, view } = picture;
  const width = view.width - layout.labels;
  const wide: number[] = [];
  for (let index = first; index < last; index++) {
    const row = arrangement.rows[index] as Row;
    const height = layout.laneHeights[index] as number;
    const top = AXIS_PX + topOf(layout, index) + ROW_GAP_PX / 2 - view.scroll;
    waiting(surface, picture, styles, row, top + row.lanes * height);
    for (let lane = 0; lane < row.lanes; lane++) {
      const y = top + lane * height;
      if (y + height < AXIS_PX || y > view.height) continue;
      binned(arrangement, row.firstLane + lane, view.window, width, (left, right, state, slot, count) => {
        batches[state]?.push(layout.labels + left, y, right - left, height > 4 ? height - 1 : height - 0.5);
        if (count === 1 && height >= 11 && right - left >= SIGN_PX) wide.push(slot, left, right, y, height);
      });
    }
  }
  fillAll(surface.context, styles);
  write(surface.context, picture, styles, wide);
}

function fillAll(context: CanvasRenderingContext2D, styles: Styles): void {
  for (const [state, batch] of batches.entries()) {
    context.fillStyle = styles.fills[state] as string | CanvasPattern;
    const isOutlined = styles.looks[state]?.pattern === "outline";
    const least = state >= FIRST_BAD ? LEAST_BAD_PX : 1;
    for (let at = 0; at < batch.length; at += 4) {
      const [x, y, own, height] = [batch[at], batch[at + 1], batch[at + 2], batch[at + 3]] as [
        number,
        number,
        number,
        number,
      ];
      const width = Math.max(own, least);
      context.fillRect(x - (width - own) / 2, y, width, height);
    }
    if (isOutlined) strokeAll(context, batch, styles.looks[state]?.ink ?? "");
  }
}

function strokeAll(context: CanvasRenderingContext2D, batch: readonly number[], ink: string): void {
  context.fillStyle = ink;
  for (let at = 0; at < batch.length; at += 4) {
    const [x, y, width, height] = [batch[at], batch[at + 1], batch[at + 2], batch[at + 3]] as [
      number,
      number,
      number,
      number,
    ];
    context.fillRect(x, y, width, 1);
    context.fillRect(x, y + height - 1, width, 1);
    if (width < 3) continue;
    context.fillRect(x, y, 1, height);
    context.fillRect(x + width - 1, y, 1, height);
  }
}

function waiting({ context }: Surface, picture: Picture, styles: Styles, row: Row, y: number): void {
  context.fillStyle = styles.waiting;
  let drawn = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < row.waiting.length; at += 2) {
    const from = Math.max(xOf(picture, row.waiting[at] as number), picture.layout.labels);
    const to = Math.min(xOf(picture, row.waiting[at + 1] as number), picture.view.width);
    if (to < drawn + 0.5 || to < from) continue;
    context.fillRect(Math.max(from, drawn), y + 1, Math.max(1, to - Math.max(from, drawn)), WAITING_PX - 2);
    drawn = to;
  }
}

function write(context: CanvasRenderingContext2D, picture: Picture, styles: Styles, wide: readonly number[]): void {
  context.font = `11px ${styles.theme.font}`;
  context.textBaseline = "middle";
  for (let at = 0; at < wide.length; at += 5) {
    const [slot, left, right, y, height] = wide.slice(at, at + 5) as [number, number, number, number, number];
    const look = styles.looks[picture.arrangement.state[slot] as number];
    if (look === undefined) continue;
    const x = Math.max(left, 0) + picture.layout.labels;
    const room = Math.min(right, picture.view.width - picture.layout.labels) - Math.max(left, 0);
    const text = room >= LABEL_PX ? `${look.sign} ${picture.labelOf(slot)}` : look.sign;
    context.save();
    context.beginPath();
    context.rect(x, y, room - 2, height);
    context.clip();
    if (look.pattern !== "none" && look.pattern !== "outline") {
      // Letters on a pattern are hard to read.
      context.fillStyle = look.fill;
      context.fillRect(x + 1, y, context.measureText(text).width + 6, height - 1);
    }
    context.fillStyle = look.ink;
    context.fillText(text, x + 3, y + height / 2);
    context.restore();
  }
}

function outline({ context }: Surface, picture: Picture, slot: number | undefined, colour: string): void {
  if (slot === undefined) return;
  const { arrangement, layout, view } = picture;
  const { top, height } = placeOf(arrangement, layout, slot);
  const [from, to] = [xOf(picture, arrangement.from[slot] as number), xOf(picture, arrangement.to[slot] as number)];
  const y = AXIS_PX + top - view.scroll;
  const waited = picture.waitedFrom(slot);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  if (waited !== undefined) {
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(xOf(picture, waited), y + height / 2);
    context.lineTo(from, y + height / 2);
    context.stroke();
    context.setLineDash([]);
  }
  context.strokeRect(from - 1, y - 1, Math.max(to - from, 3) + 2, height + 1);
}

function labels({ context, height, theme }: Surface, picture: Picture, [first, last]: [number, number]): void {
  const { arrangement, layout, view } = picture;
  context.save();
  context.beginPath();
  context.rect(0, AXIS_PX, layout.labels - 8, height - AXIS_PX);
  context.clip();
  context.font = `12px ${theme.font}`;
  context.textBaseline = "middle";
  context.fillStyle = theme.ink;
  for (let row = first; row < last; row++) {
    const [top, bottom] = [topOf(layout, row) - view.scroll, (layout.bottoms[row] as number) - view.scroll];
    // The name of a high row stays in sight while any of the row is.
    const middle = (Math.max(top, 0) + Math.min(bottom, height - AXIS_PX)) / 2;
    const label = shortened(context, (arrangement.rows[row] as Row).label, layout.labels - 20);
    context.fillText(label, 10, AXIS_PX + Math.min(Math.max(middle, top + 10), bottom - 10));
  }
  context.restore();
  context.fillStyle = theme.line;
  context.fillRect(layout.labels - 1, 0, 1, height);
}

function axis(surface: Surface, picture: Picture): void {
  const { context, width, theme } = surface;
  const { layout } = picture;
  context.fillStyle = theme.sunken;
  context.fillRect(0, 0, width, AXIS_PX);
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  context.fillStyle = theme.quiet;
  const { window } = picture.view;
  context.fillText(dateOf(picture.origin + picture.folding.toTime(window.from) * 1000, picture.zone), 10, AXIS_PX - 14);
  context.save();
  context.beginPath();
  context.rect(layout.labels, 0, width - layout.labels, AXIS_PX);
  context.clip();
  for (const tick of ticksOf(picture)) context.fillText(tick.label, xOf(picture, tick.place) + 4, AXIS_PX - 12);
  for (const gap of picture.folding.gaps) gapLabel(surface, picture, gap.from, gap.to);
  marks(surface, picture);
  context.restore();
  context.fillStyle = theme.line;
  context.fillRect(0, AXIS_PX - 1, width, 1);
}

function gapLabel({ context, theme }: Surface, picture: Picture, from: number, to: number): void {
  const [left, right] = [xOf(picture, picture.folding.toScale(from)), xOf(picture, picture.folding.toScale(to))];
  const text = `⋯ ${duration(to - from)} ⋯`;
  const wide = context.measureText(text).width;
  const x = (left + right) / 2 - wide / 2;
  context.fillStyle = theme.sunken;
  context.fillRect(x - 4, AXIS_PX - 22, wide + 8, 20);
  context.fillStyle = theme.ink;
  context.fillText(text, x, AXIS_PX - 12);
}

function marks({ context, height, theme }: Surface, picture: Picture): void {
  let drawn = Number.NEGATIVE_INFINITY;
  for (const mark of picture.marks) {
    const x = xOf(picture, picture.folding.toScale(mark.time));
    if (x < picture.layout.labels || x - drawn < MARKS_APART_PX) continue;
    drawn = x;
    context.fillStyle = theme.accent;
    context.fillText(mark.sign, x - 4, 12);
    context.fillRect(x, 20, 1, height);
  }
}
