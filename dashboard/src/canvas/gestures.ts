/** What hands and wheels do to a picture; places are in pixels of the element. */
export interface Gestures {
  /** The picture is moved along by so much. */
  onPan(dx: number, dy: number): void;
  /** The picture grows by that factor around a place. */
  onZoom(factor: number, x: number, y: number): void;
  onHover(x: number, y: number): void;
  onLeave(): void;
  onPick(x: number, y: number): void;
  /** Whether a plain wheel turns the picture up and down instead of making it larger. */
  wheelScrolls(): boolean;
}

const WHEEL_STEP = 0.0015;
const PINCH_STEP = 0.01;
const STILL_PX = 4;

/** Let an element be panned by dragging, zoomed by wheel and by two fingers, and picked from. */
export function listen(element: HTMLElement, gestures: Gestures): () => void {
  const stopping = new AbortController();
  const options = { signal: stopping.signal };
  const fingers = new Fingers(gestures);
  const place = (event: MouseEvent) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  element.addEventListener("wheel", (event) => turn(event, place(event), gestures), { ...options, passive: false });
  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      fingers.down(event.pointerId, place(event));
    },
    options,
  );
  element.addEventListener("pointermove", (event) => fingers.move(event.pointerId, place(event)), options);
  element.addEventListener("pointerup", (event) => fingers.up(event.pointerId, place(event)), options);
  element.addEventListener("pointercancel", (event) => fingers.cancel(event.pointerId), options);
  element.addEventListener("pointerleave", () => gestures.onLeave(), options);
  return () => stopping.abort();
}

interface Place {
  x: number;
  y: number;
}

function turn(event: WheelEvent, at: Place, gestures: Gestures): void {
  event.preventDefault();
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
  const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
  if (event.ctrlKey || event.metaKey) {
    // Browsers report a pinch on a touchpad as a wheel with Ctrl, in small steps.
    const step = Math.abs(dy) < 50 ? PINCH_STEP : WHEEL_STEP;
    gestures.onZoom(Math.exp(-dy * step), at.x, at.y);
  } else if (event.shiftKey) gestures.onPan(-(dx || dy), 0);
  else if (Math.abs(dx) > Math.abs(dy)) gestures.onPan(-dx, 0);
  else if (gestures.wheelScrolls()) gestures.onPan(0, -dy);
  else gestures.onZoom(Math.exp(-dy * WHEEL_STEP), at.x, at.y);
}

/** The pointers that are down: one drags, two pinch. */
class Fingers {
  private readonly held = new Map<number, Place>();
  private moved = 0;

  constructor(private readonly gestures: Gestures) {}

  down(id: number, at: Place): void {
    if (this.held.size === 0) this.moved = 0;
    this.held.set(id, at);
  }

  move(id: number, at: Place): void {
    const before = this.held.get(id);
    if (before === undefined) this.gestures.onHover(at.x, at.y);
    else this.drag(id, before, at);
  }

  private drag(id: number, before: Place, at: Place): void {
    this.moved += Math.hypot(at.x - before.x, at.y - before.y);
    const other = [...this.held].find(([each]) => each !== id)?.[1];
    this.held.set(id, at);
    if (other) this.pinch(before, at, other);
    else if (this.moved > STILL_PX) this.gestures.onPan(at.x - before.x, at.y - before.y);
  }

  up(id: number, at: Place): void {
    const wasDown = this.held.delete(id);
    if (wasDown && this.moved <= STILL_PX) this.gestures.onPick(at.x, at.y);
  }

  cancel(id: number): void {
    this.held.delete(id);
  }

  private pinch(before: Place, now: Place, other: Place): void {
    const distance = (one: Place) => Math.max(10, Math.hypot(one.x - other.x, one.y - other.y));
    this.gestures.onPan((now.x - before.x) / 2, (now.y - before.y) / 2);
    this.gestures.onZoom(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }
}
