import { type Ref, useCallback, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react";
import { listen } from "../canvas/gestures";
import { keyMove } from "../canvas/keys";
import { type Surface, useCanvas } from "../canvas/use-canvas";
import { texts } from "../texts";
import { type Camera, centred, fitted, panned, zoomed } from "./camera";
import { paint } from "./paint";
import type { Standing } from "./standing";
import type { Laid } from "./use-layout";
import { boxAt, type Direction, walk } from "./walking";

/** What buttons outside of the picture may do to it. */
export interface GraphHandle {
  zoom(factor: number): void;
  fit(): void;
  /** Bring a box into the middle, large enough to be read. */
  show(box: number): void;
}

interface GraphCanvasProps {
  laid: Laid;
  standings: readonly Standing[];
  critical: ReadonlySet<number>;
  found: ReadonlySet<number>;
  selected: number | undefined;
  camera: Camera | undefined;
  summary: string;
  onCamera: (camera: Camera | undefined) => void;
  onPick: (box: number | undefined) => void;
  onToggle: (box: number) => void;
  onEnter: (box: number) => void;
  onLines: (areAllShown: boolean) => void;
  ref: Ref<GraphHandle>;
}

const SETTLE_MS = 250;
const READABLE = 0.9;
const AGAIN_MS = 400;
const ARROWS: readonly string[] = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

/** The graph itself. What moves it does not go through React: a frame is one call of `paint`. */
export function GraphCanvas(props: GraphCanvasProps) {
  const { laid, standings, critical, found, selected } = props;
  const [hovered, setHovered] = useState<number>();
  const size = useRef({ width: 1, height: 1 });
  const current = useRef(props);
  current.current = props;
  const { camera, settle } = useCamera(current, size);
  const lines = useRef(true);

  const draw = useCallback(
    (surface: Surface) => {
      size.current = { width: surface.width, height: surface.height };
      const areAllShown = paint(surface, { laid, standings, critical, found, selected, hovered, camera: camera() });
      if (areAllShown !== lines.current) current.current.onLines(areAllShown);
      lines.current = areAllShown;
    },
    [laid, standings, critical, found, selected, hovered, camera],
  );
  const { ref, redraw } = useCanvas(draw);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is drawn has changed.
  useEffect(redraw, [draw, props.camera]);

  const moves = useMemo(() => {
    const change = (next: Camera | undefined) => {
      settle(next);
      redraw();
    };
    const graph = () => current.current.laid.layout;
    return {
      pan: (dx: number, dy: number) => change(panned(camera(), dx, dy, graph().size, size.current)),
      zoom: (factor: number, x = size.current.width / 2, y = size.current.height / 2) =>
        change(zoomed(camera(), factor, x, y)),
      fit: () => change(undefined),
      show: (box: number) => {
        const { x, y, width, height } = graph();
        const middle = {
          x: (x[box] as number) + (width[box] as number) / 2,
          y: (y[box] as number) + (height[box] as number) / 2,
        };
        const scale = Math.max(camera().scale, Math.min(READABLE, size.current.width / (width[box] as number)));
        change({ scale, ...centred(middle, scale, size.current) });
      },
    };
  }, [camera, redraw, settle]);
  useImperativeHandle(props.ref, () => ({ ...moves, zoom: (factor: number) => moves.zoom(factor) }), [moves]);

  useEffect(() => {
    const canvas = ref.current;
    if (canvas === null) return;
    let last = { box: undefined as number | undefined, at: 0 };
    const at = (x: number, y: number) => {
      const { scale, x: left, y: top } = camera();
      return boxAt(current.current.laid, left + x / scale, top + y / scale);
    };
    return listen(canvas, {
      onPan: moves.pan,
      onZoom: moves.zoom,
      onHover: (x, y) => setHovered(at(x, y)),
      onLeave: () => setHovered(undefined),
      onPick: (x, y) => {
        const box = at(x, y);
        const isAgain = box !== undefined && box === last.box && performance.now() - last.at < AGAIN_MS;
        last = { box, at: performance.now() };
        if (isAgain) current.current.onToggle(box);
        else current.current.onPick(box);
      },
      wheelScrolls: () => false,
    });
  }, [camera, moves, ref]);

  const press = (event: React.KeyboardEvent) => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (ARROWS.includes(event.key) && isPlain && !event.shiftKey) {
      const next = walk(laid, selected, event.key as Direction);
      if (next !== undefined) {
        props.onPick(next);
        moves.show(next);
      }
    } else if (event.key === "Escape") props.onPick(undefined);
    else if (event.key === "Enter" && selected !== undefined) props.onEnter(selected);
    else if (!keyMove(event, moves)) return;
    event.preventDefault();
  };
  return (
    <div
      className="chart"
      role="application"
      aria-label={props.summary}
      aria-roledescription={texts.graph.chart}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes keys; the list beside it has the same boxes.
      tabIndex={0}
      onKeyDown={press}
    >
      <canvas ref={ref} data-testid="graph" />
    </div>
  );
}

/** What is seen: what the address says, unless it is being moved; told once it rests. */
function useCamera(
  current: React.RefObject<GraphCanvasProps>,
  size: React.RefObject<{ width: number; height: number }>,
) {
  const moving = useRef<Camera | undefined>(undefined);
  const clock = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(clock.current), []);
  const camera = useCallback((): Camera => {
    const { camera: told, laid } = current.current;
    return moving.current ?? told ?? fitted(laid.layout.size, size.current);
  }, [current, size]);
  const settle = useCallback(
    (next: Camera | undefined) => {
      moving.current = next ?? fitted(current.current.laid.layout.size, size.current);
      clearTimeout(clock.current);
      clock.current = setTimeout(() => {
        moving.current = undefined;
        current.current.onCamera(next);
      }, SETTLE_MS);
    },
    [current, size],
  );
  return { camera, settle };
}
