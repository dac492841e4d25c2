import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { client } from "../../api/client";
import { listen } from "../../canvas/gestures";
import { keyMove } from "../../canvas/keys";
import { theme as colours } from "../../canvas/theme";
import { type Surface, useCanvas } from "../../canvas/use-canvas";
import { number } from "../../formats/numbers";
import { texts } from "../../texts";
import { Answered } from "../../ui/notes";
import { useStore } from "../../ui/store";
import type { Theme } from "../rows";
import { Chosen } from "./chosen";
import { Legend } from "./legend";
import { type Label, paint, type View, whole } from "./paint";
import { Grid, middles, type Places, type Point, placesFrom } from "./places";
import { Tip } from "./tip";
import "./map.css";

interface MapProps {
  workflow: string;
  themes: readonly Theme[];
  /** The themes that stand out; all of them by default. */
  only?: readonly number[] | undefined;
  onOpen: (document: string) => void;
}

/** All documents of a collection by what they are about: what lies close together is alike. */
export function DocumentMap({ workflow, themes, only, onOpen }: MapProps) {
  const places = useQuery({
    queryKey: ["map", workflow],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const options = { params: { path: { workflow } }, parseAs: "arrayBuffer" as const, signal };
      const { data } = await client.GET("/v1/pipeline/{workflow}/map", options);
      return placesFrom(data as ArrayBuffer);
    },
  });
  return (
    <Answered query={places}>{(found) => <Picture places={found} {...{ workflow, themes, only, onOpen }} />}</Answered>
  );
}

const NEAR_PX = 10;
const CLOSEST = 1;

function Picture({ places, workflow, themes, only, onOpen }: MapProps & { places: Places }) {
  const grid = useMemo(() => new Grid(places), [places]);
  const labels = useMemo(() => labelsOf(themes, middles(places)), [themes, places]);
  const [theme, setTheme] = useState<number | null>(null);
  const standing = useMemo(() => (theme !== null ? new Set([theme]) : only ? new Set(only) : null), [theme, only]);
  const listed = useMemo(() => themes.filter((each) => !only || only.includes(each.theme)), [themes, only]);
  const [hovered, setHovered] = useState(-1);
  const [isLassoing, setIsLassoing] = useState(false);
  const [lasso, setLasso] = useState<readonly Point[]>([]);
  const [chosen, setChosen] = useState<number[]>();
  const isDark = isDarkGround(useStore(colours).ground);
  const view = useRef<View | undefined>(undefined);
  const size = useRef({ width: 1, height: 1 });

  const draw = useCallback(
    (surface: Surface) => {
      size.current = surface;
      view.current ??= whole(surface.width, surface.height);
      paint(surface, { places, labels, view: view.current, standing, hovered, lasso, isDark });
    },
    [places, labels, standing, hovered, lasso, isDark],
  );
  const { ref, redraw } = useCanvas(draw);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is drawn has changed.
  useEffect(redraw, [draw]);

  const moves = useMemo(() => {
    const seen = () => view.current ?? whole(size.current.width, size.current.height);
    const change = (next: View) => {
      view.current = next;
      redraw();
    };
    return {
      pan: (dx: number, dy: number) =>
        change({ ...seen(), x: seen().x - dx / seen().scale, y: seen().y - dy / seen().scale }),
      zoom: (factor: number, x = size.current.width / 2, y = size.current.height / 2) => {
        const { scale, ...at } = seen();
        const next = Math.min(
          CLOSEST,
          Math.max(whole(size.current.width, size.current.height).scale / 2, scale * factor),
        );
        change({ scale: next, x: at.x + x / scale - x / next, y: at.y + y / scale - y / next });
      },
      fit: () => change(whole(size.current.width, size.current.height)),
      placeAt: (x: number, y: number): Point => [seen().x + x / seen().scale, seen().y + y / seen().scale],
      nearest: (x: number, y: number) => {
        const [placeX, placeY] = [seen().x + x / seen().scale, seen().y + y / seen().scale];
        return grid.nearest(placeX, placeY, NEAR_PX / seen().scale);
      },
    };
  }, [grid, redraw]);

  const open = useCallback((row: number) => row >= 0 && void idOf(workflow, row).then(onOpen), [workflow, onOpen]);
  useEffect(() => {
    const canvas = ref.current;
    if (canvas === null) return;
    if (isLassoing) {
      return drawLasso(canvas, moves.placeAt, setLasso, (polygon) => {
        setIsLassoing(false);
        setChosen(grid.inside(polygon));
      });
    }
    return listen(canvas, {
      onPan: moves.pan,
      onZoom: moves.zoom,
      onHover: (x, y) => setHovered(moves.nearest(x, y)),
      onLeave: () => setHovered(-1),
      onPick: (x, y) => open(moves.nearest(x, y)),
      wheelScrolls: () => false,
    });
  }, [ref, moves, grid, isLassoing, open]);

  const clear = () => {
    setLasso([]);
    setChosen(undefined);
  };
  return (
    <div className="map">
      <div className="stack">
        <div className="row between">
          <span className="quiet">{texts.units.documents(places.count)}</span>
          <div className="row">
            <button type="button" aria-pressed={isLassoing} onClick={() => setIsLassoing(!isLassoing)}>
              {texts.map.lasso}
            </button>
            {lasso.length > 0 && (
              <button type="button" onClick={clear}>
                {texts.verbs.clear}
              </button>
            )}
            <button type="button" aria-label={texts.map.closer} onClick={() => moves.zoom(1.5)}>
              +
            </button>
            <button type="button" aria-label={texts.map.further} onClick={() => moves.zoom(1 / 1.5)}>
              −
            </button>
            <button type="button" onClick={moves.fit}>
              {texts.map.everything}
            </button>
          </div>
        </div>
        <div className="map-place">
          <canvas
            ref={ref}
            role="img"
            aria-label={texts.map.summary(number(places.count), themes.length)}
            tabIndex={0}
            onKeyDown={(event) => keyMove(event, moves) && event.preventDefault()}
            data-testid="map"
            data-lassoing={isLassoing}
          />
        </div>
        <Tip workflow={workflow} row={hovered} themes={themes} theme={places.theme[hovered]} />
        {chosen && <Chosen workflow={workflow} rows={chosen} places={places} themes={themes} onOpen={onOpen} />}
      </div>
      <Legend themes={listed} chosen={theme} isDark={isDark} onChoose={setTheme} workflow={workflow} />
    </div>
  );
}

function labelsOf(themes: readonly Theme[], at: ReadonlyMap<number, Point>): Label[] {
  return themes.flatMap(({ theme, label }) => {
    const middle = at.get(theme);
    return middle && theme >= 0 ? [{ theme, text: label, x: middle[0], y: middle[1] }] : [];
  });
}

/** Whether the page is dark, by its ground. */
function isDarkGround(ground: string): boolean {
  return Number.parseInt(ground.slice(1, 3), 16) < 128;
}

/** The id of the document in a row of the collection. */
export async function idOf(workflow: string, row: number): Promise<string> {
  const params = { path: { workflow }, query: { row } };
  const { data } = await client.GET("/v1/pipeline/{workflow}/document", { params });
  return String(data?.item.document_id);
}

/** Let a line be drawn around documents; gives how to stop. */
function drawLasso(
  canvas: HTMLCanvasElement,
  placeAt: (x: number, y: number) => Point,
  onLine: (line: readonly Point[]) => void,
  onEnd: (line: readonly Point[]) => void,
): () => void {
  const stopping = new AbortController();
  let line: Point[] = [];
  let isDown = false;
  const add = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    line = [...line, placeAt(event.clientX - box.left, event.clientY - box.top)];
    onLine(line);
  };
  const on = (kind: "pointerdown" | "pointermove" | "pointerup", act: (event: PointerEvent) => void) =>
    canvas.addEventListener(kind, act, { signal: stopping.signal });
  on("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    [isDown, line] = [true, []];
    add(event);
  });
  on("pointermove", (event) => isDown && add(event));
  on("pointerup", () => {
    isDown = false;
    if (line.length > 2) onEnd(line);
  });
  return () => stopping.abort();
}
