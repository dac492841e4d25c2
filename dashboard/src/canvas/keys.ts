/** What a picture does when keys are pressed. */
export interface Moves {
  /** By pixels. */
  pan(dx: number, dy: number): void;
  zoom(factor: number): void;
  fit(): void;
}

const STEP_PX = 80;
const FACTOR = 1.5;

const KEYS: Record<string, (moves: Moves) => void> = {
  "+": (moves) => moves.zoom(FACTOR),
  "=": (moves) => moves.zoom(FACTOR),
  "-": (moves) => moves.zoom(1 / FACTOR),
  "0": (moves) => moves.fit(),
  ArrowLeft: (moves) => moves.pan(STEP_PX, 0),
  ArrowRight: (moves) => moves.pan(-STEP_PX, 0),
  ArrowUp: (moves) => moves.pan(0, STEP_PX),
  ArrowDown: (moves) => moves.pan(0, -STEP_PX),
};

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** Move a picture by `+`, `-`, `0` and arrows; gives whether the key was one of these. */
export function keyMove(event: Pressed, moves: Moves): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const move = KEYS[event.key];
  move?.(moves);
  return move !== undefined;
}
