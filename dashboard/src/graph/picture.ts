import { shortened } from "../canvas/shortened";
import type { Theme } from "../canvas/theme";
import type { Camera } from "./camera";
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

/** Left, top, width and height of a box. */
export const rectOf = ({ layout }: Laid, box: number) =>
  [layout.x[box], layout.y[box], layout.width[box], layout.height[box]] as [number, number, number, number];

/** The outline of what stands out. */
export function strokeOf(
  theme: Theme,
  { selected, hovered, found, critical }: Picture,
  box: number,
): string | undefined {
  if (box === selected || found.has(box)) return theme.accent;
  if (box === hovered) return theme.ink;
  return critical.has(box) ? theme.warn : undefined;
}

export function write(
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
