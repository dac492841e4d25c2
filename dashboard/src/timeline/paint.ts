import { shortened } from "../canvas/shortened";
import type { Surface } from "../canvas/use-canvas";
import { duration } from "../formats/numbers";
import type { Row } from "./arrangement";
import { dateOf, ticks } from "./axis";
import { bars } from "./bars";
import { AXIS_PX, placeOf, rowsBetween, topOf } from "./layout";
import { type Styles, stylesOf } from "./patterns";
import { type Picture, xOf } from "./picture";

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
