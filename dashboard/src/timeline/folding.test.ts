import { expect, test } from "vitest";
import { ticks } from "./axis";
import { Folding, longGaps } from "./folding";
import { spansOf } from "./given";
import { sortedIndices } from "./sorting";

function gapsOf(all: readonly { start: number; took: number }[]) {
  const spans = spansOf(all);
  return longGaps(spans.start, spans.end, sortedIndices(spans.start, spans.count));
}

const MILLION = [
  { start: 0, took: 10 },
  { start: 1_000_010, took: 10 },
];

test("a gap is long beside what ran, and no shorter than half a minute", () => {
  expect(gapsOf(MILLION)).toEqual([{ from: 10, to: 1_000_010 }]);
  expect(
    gapsOf([
      { start: 0, took: 10 },
      { start: 30, took: 10 },
    ]),
  ).toEqual([]);
  expect(
    gapsOf([
      { start: 0, took: 1000 },
      { start: 1100, took: 1000 },
    ]),
  ).toEqual([]);
  expect(gapsOf([])).toEqual([]);
});

test("a task that runs on is no gap, whatever begins after it", () => {
  expect(
    gapsOf([
      { start: 0, took: 5000 },
      { start: 1, took: 1 },
      { start: 4000, took: 1 },
    ]),
  ).toEqual([]);
});

test("folded time goes on in order, and comes back", () => {
  const folding = new Folding(gapsOf(MILLION), 1_000_020);
  expect(folding.toScale(1_000_020)).toBeLessThan(25);
  let last = Number.NEGATIVE_INFINITY;
  for (const time of [-5, 0, 9.9, 10, 5_000, 900_000, 1_000_010, 1_000_015, 2_000_000]) {
    const place = folding.toScale(time);
    expect(place).toBeGreaterThan(last);
    expect(folding.toTime(place)).toBeCloseTo(time, 3);
    last = place;
  }
});

test("without gaps the scale is time", () => {
  const plain = new Folding([], 100);
  expect([plain.toScale(42), plain.toTime(42)]).toEqual([42, 42]);
});

test("lines of the axis are round moments, none inside a fold, and apart", () => {
  const origin = Date.UTC(2026, 10, 29, 10, 0, 0);
  const folding = new Folding(gapsOf(MILLION), 1_000_020);
  const found = ticks({ from: 0, to: 21 }, 1000, origin, folding, "utc");
  expect(found.map((tick) => tick.label).slice(0, 3)).toEqual(["10:00:00", "10:00:05", "10:00:10"]);
  for (const [index, tick] of found.entries()) {
    if (index > 0) expect(tick.place - (found[index - 1] as { place: number }).place).toBeGreaterThan(1);
    const time = folding.toTime(tick.place);
    expect(time <= 10 || time >= 1_000_010).toBe(true);
  }
});

test("a day is named by its date, a microsecond by its part", () => {
  const origin = Date.UTC(2026, 10, 29, 10, 0, 0);
  const plain = new Folding([], 1);
  expect(ticks({ from: 0, to: 500_000 }, 700, origin, plain, "utc")[0]?.label).toBe("30 Nov");
  expect(ticks({ from: 1, to: 1.0002 }, 1000, origin, plain, "utc").length).toBeGreaterThan(3);
});
