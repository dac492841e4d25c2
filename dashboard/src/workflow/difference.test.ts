import { describe, expect, it } from "vitest";
import { difference, passages } from "./difference";

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

  it("does not search for what unlike texts have in common", () => {
    const many = (name: string) => Array.from({ length: 5_000 }, (_, line) => `${name} ${line}`);
    const found = sides(["head", ...many("a"), "foot"], ["head", ...many("b"), "foot"]);
    expect(found.filter((side) => side === "both")).toHaveLength(2);
    expect(found).toHaveLength(10_002);
  });
});

describe("passages", () => {
  it("leaves out what is alike and far from what differs", () => {
    const lines = Array.from({ length: 100 }, (_, line) => String(line));
    const found = passages(difference(lines, lines.with(50, "other")), 2);
    expect(found.map((each) => ("alike" in each ? each.alike : each.lines.map((line) => line.text)))).toEqual([
      48,
      ["48", "49", "50", "other", "51", "52"],
      47,
    ]);
  });

  it("shows nothing of what is the same", () => {
    expect(passages(difference(["a"], ["a"]))).toEqual([{ alike: 1 }]);
    expect(passages([])).toEqual([]);
  });
});
