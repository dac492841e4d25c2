import type { Surface } from "../canvas/use-canvas";
import type { Row } from "./arrangement";
import { binned } from "./bins";
import { AXIS_PX, ROW_GAP_PX, topOf, WAITING_PX } from "./layout";
import type { Styles } from "./patterns";
import { type Picture, xOf } from "./picture";
import { FIRST_BAD, STATES } from "./states";

const LEAST_BAD_PX = 3;
const SIGN_PX = 14;
const LABEL_PX = 64;

/** Rectangles by state, so that each colour is set once; kept between frames. */
const batches: number[][] = STATES.map(() => []);

/** Draw what is seen of some rows: bars, signs in those that have room, and where tasks waited. */
export function bars(surface: Surface, picture: Picture, styles: Styles, [first, last]: [number, number]): void {
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
