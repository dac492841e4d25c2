import { describe, expect, it } from "vitest";
import { difference } from "./difference";

const sides = (one: string[], other: string[]) => difference(one, other).map((line) => line.side);

describe("difference", () => {
  it("finds nothing between equals", () => {
    expect(sides(["a", "b"], ["a", "b"])).toEqual(["both", "both"]);
    expect(sides([], [])).toEqual([]);
  });

  it("is a shortest edit script", () => {
    const [one, other] = ["abcabba", "cbabac"].map((text) => [...text]) as [string[], string[]];
    const edits = sides(one, other).filter((side) => side !== "both");
    expect(edits).toHaveLength(5); // The example of Myers 1986, figure 1.
  });

  it("gives both sides back, whatever they are", () => {
    let seed = 7;
    const chance = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let round = 0; round < 200; round += 1) {
      const line = () => String(chance(4));
      const [one, other] = [Array.from({ length: chance(12) }, line), Array.from({ length: chance(12) }, line)];
      const found = difference(one, other);
      expect(found.filter((each) => each.side !== "other").map((each) => each.text)).toEqual(one);
      expect(found.filter((each) => each.side !== "one").map((each) => each.text)).toEqual(other);
    }
  });
});
