import { type Ref, useCallback, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react";
import { listen } from "../canvas/gestures";
import { keyMove } from "../canvas/keys";
import { type Surface, useCanvas } from "../canvas/use-canvas";
import type { Zone } from "../formats/times";
import { texts } from "../texts";
import type { Window } from "./bins";
import { AXIS_PX, type Layout, layoutOf, placeOf, slotAt, type View } from "./layout";
import type { Model } from "./model";
import { paint } from "./paint";
import type { Mark } from "./picture";
import { Tooltip } from "./tooltip";
import { clamped, panned, whole, zoomed } from "./view";

/** What buttons outside of the chart may do to it. */
export interface ChartHandle {
  zoom(factor: number): void;
  fit(): void;
  show(slot: number): void;
}

interface ChartProps {
  model: Model;
  origin: number;
  zone: Zone;
  marks: readonly Mark[];
  /** In time, from the address; everything if it says nothing. */
  window: Window | undefined;
  selected: number | undefined;
  summary: string;
  onWindow: (window: Window | undefined) => void;
  onPick: (slot: number | undefined) => void;
  ref: Ref<ChartHandle>;
}

const SETTLE_MS = 250;

/** The timeline itself. What moves it does not go through React: a frame is one call of `paint`. */
export function Chart(props: ChartProps) {
  const { model, origin, zone, marks, selected, summary, onPick } = props;
  const [hovered, setHovered] = useState<{ slot: number; x: number; y: number }>();
  const layout = useRef<Layout>(layoutOf(model.arrangement, 1000));
  const laid = useRef<{ for: unknown; width: number }>({ for: undefined, width: 0 });
  const view = useRef<View>({ window: { from: 0, to: 1 }, scroll: 0, width: 1, height: 1 });
  const { settle, window } = useSettled(props);
  const current = useRef(props);
  current.current = props;

  const draw = useCallback(
    (surface: Surface) => {
      const { arrangement, folding } = model;
      if (laid.current.for !== arrangement || laid.current.width !== surface.width) {
        layout.current = layoutOf(arrangement, surface.width);
        laid.current = { for: arrangement, width: surface.width };
      }
      Object.assign(view.current, { window: window(), width: surface.width, height: surface.height });
      view.current.scroll = Math.max(0, Math.min(view.current.scroll, scrollable(layout.current, surface.height)));
      paint(surface, {
        arrangement,
        folding,
        layout: layout.current,
        view: view.current,
        origin,
        zone,
        marks,
        selected,
        hovered: hovered?.slot,
        labelOf: (slot) => labelOf(model, slot),
        waitedFrom: (slot) => waitedFrom(model, slot),
      });
    },
    [model, origin, zone, marks, selected, hovered, window],
  );
  const { ref, redraw } = useCanvas(draw);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is drawn has changed.
  useEffect(redraw, [draw]);

  const moves = useMemo(() => {
    const extent = () => current.current.model.arrangement.extent;
    const change = (next: Window) => {
      settle(next);
      redraw();
    };
    return {
      pan: (dx: number, dy: number) => {
        const { width } = view.current;
        view.current.scroll -= dy;
        if (dx !== 0) change(panned(window(), -dx / Math.max(1, width - layout.current.labels), extent()));
        redraw();
      },
      zoom: (factor: number, x = (view.current.width + layout.current.labels) / 2) => {
        const { labels } = layout.current;
        const place = (x - labels) / Math.max(1, view.current.width - labels);
        change(zoomed(window(), factor, Math.min(Math.max(place, 0), 1), extent()));
      },
      fit: () => {
        view.current.scroll = 0;
        settle(undefined);
        redraw();
      },
      show: (slot: number) => {
        const { arrangement } = current.current.model;
        const [from, to] = [arrangement.from[slot] as number, arrangement.to[slot] as number];
        const length = Math.max((to - from) * 8, (window().to - window().from) / 50);
        change(clamped({ from: (from + to - length) / 2, to: (from + to + length) / 2 }, extent()));
        const { top } = placeOf(arrangement, layout.current, slot);
        view.current.scroll = top - (view.current.height - AXIS_PX) / 2;
      },
    };
  }, [redraw, settle, window]);
  useImperativeHandle(props.ref, () => ({ ...moves, zoom: (factor: number) => moves.zoom(factor) }), [moves]);

  useEffect(() => {
    const canvas = ref.current;
    if (canvas === null) return;
    const at = (x: number, y: number) => slotAt(current.current.model.arrangement, layout.current, view.current, x, y);
    return listen(canvas, {
      onPan: moves.pan,
      onZoom: moves.zoom,
      onHover: (x, y) => {
        const slot = at(x, y);
        setHovered((before) => (slot === undefined ? undefined : before?.slot === slot ? before : { slot, x, y }));
      },
      onLeave: () => setHovered(undefined),
      onPick: (x, y) => current.current.onPick(at(x, y)),
      wheelScrolls: () => scrollable(layout.current, view.current.height) > 0,
    });
  }, [moves, ref]);

  return (
    <div
      className="chart"
      role="application"
      aria-label={summary}
      aria-roledescription={texts.timeline.chart}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys.
      tabIndex={0}
      onKeyDown={(event) => {
        if (event.key === "Escape") onPick(undefined);
        else if (keyMove(event, moves)) event.preventDefault();
      }}
    >
      <canvas ref={ref} data-testid="timeline" />
      {hovered && <Tooltip model={model} slot={hovered.slot} x={hovered.x} y={hovered.y} origin={origin} zone={zone} />}
    </div>
  );
}

const scrollable = (layout: Layout, height: number) => Math.max(0, layout.height - (height - AXIS_PX));

function labelOf({ spans, arrangement, steps }: Model, slot: number): string {
  const at = arrangement.spans[slot] as number;
  return `${(steps[spans.step[at] as number] ?? "").slice(0, 80)} / ${spans.partition[at]}`;
}

function waitedFrom({ arrangement, ready, folding, spans }: Model, slot: number): number | undefined {
  const at = arrangement.spans[slot] as number;
  const since = ready[at] as number;
  return since < (spans.start[at] as number) ? folding.toScale(since) : undefined;
}

/** The window on the folded scale: that of the address, unless it is being moved; told once it rests. */
function useSettled({ model, window: asked, onWindow }: ChartProps) {
  const moving = useRef<Window | undefined>(undefined);
  const clock = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef({ model, asked, onWindow });
  latest.current = { model, asked, onWindow };
  useEffect(() => () => clearTimeout(clock.current), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address has caught up.
  useEffect(() => {
    if (clock.current === undefined) moving.current = undefined;
  }, [asked?.from, asked?.to]);

  const window = useCallback((): Window => {
    const { arrangement, folding } = latest.current.model;
    if (moving.current) return moving.current;
    const told = latest.current.asked;
    if (told === undefined) return whole(arrangement.extent);
    return clamped({ from: folding.toScale(told.from), to: folding.toScale(told.to) }, arrangement.extent);
  }, []);
  const settle = useCallback((next: Window | undefined) => {
    moving.current = next ?? whole(latest.current.model.arrangement.extent);
    clearTimeout(clock.current);
    clock.current = setTimeout(() => {
      clock.current = undefined;
      const { folding } = latest.current.model;
      moving.current = undefined;
      latest.current.onWindow(next && { from: folding.toTime(next.from), to: folding.toTime(next.to) });
    }, SETTLE_MS);
  }, []);
  return { settle, window };
}
