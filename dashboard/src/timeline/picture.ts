import type { Zone } from "../formats/times";
import type { Arrangement } from "./arrangement";
import type { Folding } from "./folding";
import type { Layout, View } from "./layout";

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

/** Where a place of the folded scale is, in pixels. */
export const xOf = ({ view, layout }: Picture, place: number) =>
  layout.labels + ((place - view.window.from) / (view.window.to - view.window.from)) * (view.width - layout.labels);
