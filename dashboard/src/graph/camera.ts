/** What of the graph is seen: a place of the graph at the left top, and pixels for each of its units. */
export interface Camera {
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

const LARGEST = 2;
const SMALLEST = 0.002;
const MARGIN_PX = 24;
const READABLE = 1;

/** All of the graph, no larger than at full size. */
export function fitted(graph: Size, view: Size): Camera {
  const room = (inner: number, outer: number) => Math.max(1, outer - 2 * MARGIN_PX) / Math.max(1, inner);
  const scale = Math.max(SMALLEST, Math.min(READABLE, room(graph.width, view.width), room(graph.height, view.height)));
  return { scale, ...centred({ x: graph.width / 2, y: graph.height / 2 }, scale, view) };
}

/** A place of the graph in the middle of what is seen. */
export function centred(place: { x: number; y: number }, scale: number, view: Size): { x: number; y: number } {
  return { x: place.x - view.width / 2 / scale, y: place.y - view.height / 2 / scale };
}

/** Closer by a factor around a place of the canvas, in pixels. */
export function zoomed(camera: Camera, factor: number, x: number, y: number): Camera {
  const scale = Math.min(LARGEST, Math.max(SMALLEST, camera.scale * factor));
  return { scale, x: camera.x + x / camera.scale - x / scale, y: camera.y + y / camera.scale - y / scale };
}

/** Moved by pixels, but never so far that nothing of the graph is seen. */
export function panned(camera: Camera, dx: number, dy: number, graph: Size, view: Size): Camera {
  const keep = (value: number, inner: number, outer: number) =>
    Math.min(Math.max(value, (MARGIN_PX * 2 - outer) / camera.scale), inner - (MARGIN_PX * 2) / camera.scale);
  return {
    scale: camera.scale,
    x: keep(camera.x - dx / camera.scale, graph.width, view.width),
    y: keep(camera.y - dy / camera.scale, graph.height, view.height),
  };
}
