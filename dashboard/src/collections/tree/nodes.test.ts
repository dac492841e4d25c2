import { describe, expect, it } from "vitest";
import { type Node, placeOf, step, visible } from "./nodes";

const node = (id: number, parent: number | null, level: number, themes: number[]): Node => ({
  id,
  parent,
  level,
  themes,
  label: String(id),
  terms: [],
  documents: 1,
});
const NODES = [
  node(6, null, 0, [0, 1, 2, 3]),
  node(5, 6, 1, [0, 1]),
  node(0, 5, 2, [0]),
  node(1, 5, 2, [1]),
  node(2, 6, 1, [2]),
  node(3, 6, 1, [3]),
];
const none = new Set<number>();

describe("a tree", () => {
  it("hides all that is below what is closed", () => {
    expect(visible(NODES, none)).toHaveLength(6);
    expect(visible(NODES, new Set([5])).map(({ id }) => id)).toEqual([6, 5, 2, 3]);
    expect(visible(NODES, new Set([6, 5])).map(({ id }) => id)).toEqual([6]);
  });

  it("says where a node stands", () => {
    expect(placeOf(NODES, NODES[4] as Node)).toEqual({ place: 2, count: 3 });
    expect(placeOf(NODES, NODES[0] as Node)).toEqual({ place: 1, count: 1 });
  });

  it.each([
    ["ArrowDown", 6, { focus: 5 }],
    ["ArrowDown", 3, undefined],
    ["ArrowUp", 5, { focus: 6 }],
    ["Home", 3, { focus: 6 }],
    ["End", 6, { focus: 3 }],
    ["ArrowRight", 5, { focus: 0 }],
    ["ArrowRight", 2, undefined],
    ["ArrowLeft", 5, { close: 5 }],
    ["ArrowLeft", 0, { focus: 5 }],
    ["a", 0, undefined],
  ])("does by %s at %d what is expected of trees", (key, at, expected) =>
    expect(step(key, NODES, none, at)).toEqual(expected),
  );

  it("opens what is closed, and goes out of it", () => {
    const closed = new Set([5]);
    expect(step("ArrowRight", NODES, closed, 5)).toEqual({ open: 5 });
    expect(step("ArrowLeft", NODES, closed, 5)).toEqual({ focus: 6 });
    expect(step("ArrowDown", NODES, closed, 5)).toEqual({ focus: 2 });
    expect(step("ArrowDown", NODES, closed, 0)).toBeUndefined();
  });
});
