import { describe, expect, it } from "vitest";
import { contains, Grid, middles, type Places, type Point, placesFrom } from "./places";

function scattered(count: number, seed: number): Places {
  let state = seed;
  const chance = () => {
    state = (state * 48271) % 2147483647;
    return state % 65536;
  };
  const [x, y] = [new Uint16Array(count), new Uint16Array(count)];
  for (let row = 0; row < count; row += 1) [x[row], y[row]] = [chance(), chance()];
  return { count, x, y, theme: new Int16Array(count) };
}

describe("placesFrom", () => {
  it("reads columns", () => {
    const sent = new ArrayBuffer(4 + 3 * 2 * 2);
    const view = new DataView(sent);
    view.setUint32(0, 2, true);
    [1, 2, 3, 4, 5].forEach((value, at) => {
      view.setUint16(4 + 2 * at, value, true);
    });
    view.setInt16(14, -1, true);
    const places = placesFrom(sent);
    expect([...places.x, ...places.y, ...places.theme]).toEqual([1, 2, 3, 4, 5, -1]);
  });
});

describe("Grid", () => {
  it("finds what a look at all finds", () => {
    const places = scattered(3_000, 11);
    const grid = new Grid(places);
    const asked = scattered(200, 5);
    for (let each = 0; each < asked.count; each += 1) {
      const [x, y] = [asked.x[each] as number, asked.y[each] as number];
      const away = (row: number) => Math.hypot((places.x[row] as number) - x, (places.y[row] as number) - y);
      const least = Math.min(...Array.from({ length: places.count }, (_, row) => away(row)));
      const found = grid.nearest(x, y, 1_500);
      if (least > 1_500) expect(found).toBe(-1);
      else expect(away(found)).toBe(least);
    }
  });

  it("finds what is inside", () => {
    const places = scattered(2_000, 3);
    const polygon: Point[] = [
      [1_000, 1_000],
      [60_000, 8_000],
      [30_000, 30_000],
      [52_000, 64_000],
      [4_000, 50_000],
    ];
    const all = Array.from({ length: places.count }, (_, row) => row);
    const wanted = all.filter((row) => contains(polygon, places.x[row] as number, places.y[row] as number));
    expect(new Grid(places).inside(polygon)).toEqual(wanted);
    expect(wanted.length).toBeGreaterThan(100);
  });

  it("holds nothing, and everything in one place", () => {
    expect(new Grid(scattered(0, 1)).nearest(5, 5, 70_000)).toBe(-1);
    const one = { count: 3, x: new Uint16Array(3), y: new Uint16Array(3), theme: new Int16Array(3) };
    expect(new Grid(one).nearest(0, 0, 1)).toBeGreaterThanOrEqual(0);
  });
});

describe("middles", () => {
  it("are means, theme by theme", () => {
    const places = {
      count: 3,
      x: Uint16Array.of(0, 10, 40),
      y: Uint16Array.of(4, 6, 8),
      theme: Int16Array.of(0, 0, -1),
    };
    expect([...middles(places)]).toEqual([
      [0, [5, 5]],
      [-1, [40, 8]],
    ]);
  });
});
