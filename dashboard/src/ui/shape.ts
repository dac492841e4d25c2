/** The shape of a value that is an array of numbers with two dimensions or more, as in `[3, 4]`; null if it is none. */
export function shapeOf(value: unknown): number[] | null {
  const shape: number[] = [];
  let level: unknown = value;
  while (Array.isArray(level) && level.length > 0) {
    shape.push(level.length);
    level = level[0];
  }
  return shape.length > 1 && hasShape(value, shape) ? shape : null;
}

/** Not finite numbers are null in JSON. */
const isNumber = (value: unknown) => typeof value === "number" || value === null;

function hasShape(value: unknown, [length, ...inner]: readonly number[]): boolean {
  if (length === undefined) return isNumber(value);
  return Array.isArray(value) && value.length === length && value.every((each) => hasShape(each, inner));
}
