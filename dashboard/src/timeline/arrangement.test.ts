import { expect, test } from "vitest";
import { arrange, slotsBetween } from "./arrangement";
import { Folding } from "./folding";
import { type Given, numbers, spansOf } from "./given";
import { sortedIndices } from "./sorting";

const PLAIN = new Folding([], 1);

function arranged(all: readonly Given[], by: "worker" | "step", labels = ["a", "b", "c"]) {
  const spans = spansOf(all);
  const order = sortedIndices(spans.start, spans.count);
  return arrange(spans, order, by, by === "worker" ? spans.workers : labels, PLAIN, undefined);
}

test("tasks at the same time lie in lanes of their own; one after the other in the same", () => {
  const all = arranged(
    [
      { start: 0, took: 2 },
      { start: 0, took: 1 },
      { start: 1, took: 1 },
      { start: 2, took: 1 },
    ],
    "step",
  );
  expect(all.rows).toHaveLength(1);
  expect(all.rows[0]?.lanes).toBe(2);
  expect([...all.lanes]).toEqual([0, 2, 4]);
  expect([...all.spans]).toEqual([0, 3, 1, 2]);
});

test("no two spans of a lane overlap, whatever runs", () => {
  const random = numbers(3);
  const next = () => random.next().value;
  const all = arranged(
    Array.from({ length: 3000 }, () => ({ start: next() * 200, took: next(), step: Math.floor(next() * 3) })),
    "step",
  );
  for (let lane = 0; lane + 1 < all.lanes.length; lane++) {
    for (let slot = (all.lanes[lane] as number) + 1; slot < (all.lanes[lane + 1] as number); slot++)
      expect(all.from[slot]).toBeGreaterThanOrEqual((all.to[slot - 1] as number) - 3e-4);
  }
  expect(all.spans).toHaveLength(3000);
});

test("workers come as people count, steps as in the plan; those without a task are left out", () => {
  const workers = arranged(
    ["w-10", "w-9", "w-1"].map((worker) => ({ start: 0, took: 1, worker })),
    "worker",
  );
  expect(workers.rows.map((row) => row.label)).toEqual(["w-1", "w-9", "w-10"]);
  const steps = arranged(
    [
      { start: 0, took: 1, step: 2 },
      { start: 0, took: 1, step: 0 },
    ],
    "step",
  );
  expect(steps.rows.map((row) => row.label)).toEqual(["a", "c"]);
});

test("what belongs to a step that is no longer in the plan is left out", () => {
  const all = arranged(
    [
      { start: 0, took: 1, step: 0 },
      { start: 0, took: 1, step: 7 },
    ],
    "step",
  );
  expect([...all.spans]).toEqual([0]);
  expect([...all.slots]).toEqual([0, -1]);
});

test("a range has what reaches into it, long spans and those without length too", () => {
  const all = arranged(
    [
      { start: 0, took: 10 },
      { start: 10, took: 0 },
      { start: 11, took: 1 },
      { start: 20, took: 1 },
    ],
    "step",
  );
  const seen = (from: number, to: number) => {
    const [first, last] = slotsBetween(all, 0, from, to);
    return [...all.spans.subarray(first, last)];
  };
  expect(seen(5, 6)).toEqual([0]);
  expect(seen(10, 12)).toEqual(expect.arrayContaining([1, 2]));
  expect(seen(12.5, 19)).toEqual([]);
  expect(seen(-5, 100)).toEqual([0, 1, 2, 3]);
});

test("nothing at all is arranged too", () => {
  const all = arranged([], "worker");
  expect(all.rows).toEqual([]);
  expect(all.extent.to).toBeGreaterThan(all.extent.from);
});

test("more tasks at once than there are lanes share them, and none is lost", () => {
  const all = arranged(
    Array.from({ length: 500 }, (_, index) => ({ start: index / 1000, took: 100 })),
    "step",
  );
  expect(all.rows[0]?.lanes).toBe(64);
  expect(new Set(all.spans).size).toBe(500);
});
