import { expect, test } from "vitest";
import { arrange } from "./arrangement";
import { binned, type Window } from "./bins";
import { Folding } from "./folding";
import { type Given, spansOf } from "./given";
import { sortedIndices } from "./sorting";
import { STATES } from "./states";

function bins(all: readonly Given[], window: Window, width: number) {
  const spans = spansOf(all);
  const arrangement = arrange(
    spans,
    sortedIndices(spans.start, spans.count),
    "step",
    ["a"],
    new Folding([], 1),
    undefined,
  );
  const found: { left: number; right: number; state: string; count: number }[] = [];
  binned(arrangement, 0, window, width, (left, right, state, _slot, count) =>
    found.push({ left, right, state: STATES[state] as string, count }),
  );
  return found;
}

const narrow = (count: number, every: number, took = 0.001): Given[] =>
  Array.from({ length: count }, (_, index) => ({ start: index * every, took }));

test("what is wide is drawn by itself, as far as it is seen", () => {
  expect(
    bins(
      [
        { start: 0, took: 10 },
        { start: 20, took: 100 },
      ],
      { from: 0, to: 50 },
      500,
    ),
  ).toEqual([
    { left: 0, right: 100, state: "succeeded", count: 1 },
    { left: 200, right: 503, state: "succeeded", count: 1 },
  ]);
});

test("a hundred thousand narrow ones are no more than the pixels", () => {
  const found = bins(narrow(100_000, 0.001), { from: 0, to: 100 }, 1000);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ left: 0, right: 1000, count: 100_000 });
});

test("of many in one pixel, the worst is seen, and only there", () => {
  const all = narrow(10_000, 0.01);
  all[5000] = { start: 50, took: 0.001, state: "failed" };
  const found = bins(all, { from: 0, to: 100 }, 1000);
  const bad = found.filter((bin) => bin.state === "failed");
  expect(bad).toHaveLength(1);
  expect(bad[0]?.left).toBe(500);
  expect((bad[0]?.right as number) - 500).toBeLessThanOrEqual(3);
  expect(found.reduce((sum, bin) => sum + bin.count, 0)).toBe(10_000);
});

test("gaps of more than a pixel stay", () => {
  const found = bins([...narrow(10, 0.001), { start: 50, took: 0.001 }], { from: 0, to: 100 }, 1000);
  expect(found.map((bin) => bin.left)).toEqual([0, 500]);
});

test("what is outside of the window costs nothing", () => {
  expect(bins(narrow(1000, 1), { from: 10_000, to: 10_010 }, 1000)).toEqual([]);
});
