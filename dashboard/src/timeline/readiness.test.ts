import { expect, test } from "vitest";
import { type Given, spansOf } from "./given";
import { readySince, wiresOf } from "./readiness";
import { sortedIndices } from "./sorting";

const WIRES = wiresOf([
  { name: "read", phase: { kind: "source" } },
  { name: "tidy", inputs: ["read"], phase: { kind: "map" } },
  { name: "sum", inputs: ["tidy"], phase: { kind: "reduce" } },
  { name: "write", inputs: ["tidy", "sum"], phase: { kind: "map" } },
]);

function ready(all: readonly Given[]): number[] {
  const spans = spansOf(all);
  return [...readySince(spans, sortedIndices(spans.start, spans.count), WIRES)];
}

test("a map waits for its own partition, a reduce for all, a map of a single value for that", () => {
  const found = ready([
    { start: 0, took: 1, step: 0, partition: 0 },
    { start: 0, took: 2, step: 0, partition: 1 },
    { start: 3, took: 1, step: 1, partition: 0 },
    { start: 3, took: 4, step: 1, partition: 1 },
    { start: 8, took: 1, step: 2, partition: 0 },
    { start: 10, took: 1, step: 3, partition: 0 },
  ]);
  expect(found).toEqual([0, 0, 1, 2, 7, 9]);
});

test("after a failed attempt, a task waits since its end", () => {
  const found = ready([
    { start: 0, took: 1, step: 0, partition: 0, state: "failed" },
    { start: 5, took: 1, step: 0, partition: 0, attempt: 2, state: "lost" },
    { start: 9, took: 1, step: 0, partition: 0, attempt: 3 },
  ]);
  expect(found).toEqual([0, 1, 6]);
});

test("of a step that the plan has no more, nothing is known", () => {
  expect(ready([{ start: 0, took: 1, step: 0, partition: 0 }]).length).toBe(1);
  const spans = spansOf([{ start: 1, took: 1, step: 3, partition: 0 }]);
  expect(readySince(spans, Int32Array.of(0), [])[0]).toBeNaN();
});
