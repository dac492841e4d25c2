import { type RefObject, useCallback, useEffect, useRef } from "react";
import { type Theme, theme } from "./theme";

/** What is drawn on: a context in CSS pixels. */
export interface Surface {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
  theme: Theme;
}

interface Canvas {
  ref: RefObject<HTMLCanvasElement | null>;
  /** Draw again with the next frame, however often it is asked for meanwhile. */
  redraw: () => void;
}

/** A canvas that is as large as its element is shown, sharp on every screen, and in the page's colours. */
export function useCanvas(draw: (surface: Surface) => void): Canvas {
  const ref = useRef<HTMLCanvasElement>(null);
  const drawing = useRef(draw);
  const frame = useRef(0);
  drawing.current = draw;

  const redraw = useCallback(() => {
    if (frame.current) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      const context = ref.current?.getContext("2d", { alpha: false });
      if (ref.current && context) drawing.current(prepared(ref.current, context));
    });
  }, []);

  useEffect(() => {
    const sizes = new ResizeObserver(redraw);
    if (ref.current) sizes.observe(ref.current);
    const forget = theme.subscribe(redraw);
    return () => {
      sizes.disconnect();
      forget();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [redraw]);

  return { ref, redraw };
}

function prepared(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D): Surface {
  const { clientWidth: width, clientHeight: height } = canvas;
  const [wide, high] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  return { context, width, height, theme: theme.get() };
}
