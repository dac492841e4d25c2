import { expect, test } from "vitest";
import { columnsOf, numbers, spansOf } from "./given";
import { firstAbove, sortedIndices } from "./sorting";
import { Spans } from "./spans";

test("pages are joined, each with workers of its own", () => {
  const spans = spansOf([{ start: 1, took: 2, worker: "a" }]);
  spans.add(
    columnsOf([
      { start: 4, took: 1, worker: "b", partition: 1 },
      { start: 6, took: 1, worker: "a", partition: 2 },
    ]),
  );
  expect(spans.count).toBe(3);
  expect([...spans.worker.subarray(0, 3)].map((each) => spans.workers[each])).toEqual(["a", "b", "a"]);
  expect([...spans.end.subarray(0, 3)]).toEqual([3, 5, 7]);
});

test("a finished task that comes again is known; its failed attempts are others", () => {
  const spans = new Spans();
  spans.add(
    columnsOf([
      { start: 1, took: 1, partition: 5, attempt: 2 },
      { start: 0, took: 1, partition: 5, state: "lost" },
    ]),
  );
  const news = columnsOf([
    { start: 1, took: 1, partition: 5, attempt: 2 },
    { start: 3, took: 1, partition: 6 },
    { start: 2, took: 1, partition: 6, state: "failed" },
  ]);
  expect(spans.add(news, true)).toBe(2);
  expect(spans.count).toBe(4);
});

test("more than there is room for", () => {
  const spans = spansOf(Array.from({ length: 5000 }, (_, index) => ({ start: index, took: 0.5 })));
  expect(spans.start[4999]).toBe(4999);
});

test("a span whose end is before its start has no length, and tells what clocks said", () => {
  const spans = spansOf([{ start: 2, took: -1 }]);
  expect([spans.start[0], spans.end[0], spans.took[0]]).toEqual([2, 2, -1]);
});

test("indices are sorted by value, even where rounding hides differences", () => {
  const random = numbers(7);
  const values = Float64Array.from({ length: 20_000 }, (_, index) =>
    index % 3 === 0 ? 1e6 + random.next().value * 1e-6 : random.next().value,
  );
  const sorted = Array.from(sortedIndices(values, values.length), (index) => values[index] as number);
  expect(sorted).toEqual([...values].sort((one, other) => one - other));
});

test("equal and single values", () => {
  expect([...sortedIndices(Float64Array.of(3, 3, 3), 3)]).toEqual([0, 1, 2]);
  expect([...sortedIndices(Float64Array.of(), 0)]).toEqual([]);
});

test("the first above a bound", () => {
  const values = Float64Array.of(1, 2, 2, 5);
  expect([0, 1, 2, 5].map((bound) => firstAbove(values, bound, 0, 4))).toEqual([0, 1, 3, 4]);
});
