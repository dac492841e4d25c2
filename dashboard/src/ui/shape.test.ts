import { describe, expect, it } from "vitest";
import { shapeOf } from "./shape";

describe("shapeOf", () => {
  it("finds arrays of numbers", () => {
    expect(shapeOf([[1, 2, 3], [4, null, 6]])).toEqual([2, 3]); // biome-ignore format: as it looks.
    expect(shapeOf([[[1]], [[2]]])).toEqual([2, 1, 1]);
  });

  it("leaves everything else alone", () => {
    for (const each of [[], [[]], [1, 2], [[1, 2], [3]], [["a"]], [[1], "a"], [[[1]], [2]], "a", null, { a: [[1]] }]) {
      expect(shapeOf(each)).toBeNull();
    }
  });
});
