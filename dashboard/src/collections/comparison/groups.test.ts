import { describe, expect, it } from "vitest";
import { behind, countKinds, type Group, points } from "./groups";

const group = (given: Partial<Group>): Group => ({
  kind: "kept",
  before: [1],
  after: [2],
  documents_before: 10,
  documents_after: 10,
  share_before: 0.1,
  share_after: 0.1,
  stayed: 8,
  left: 1,
  joined: 1,
  gone: 1,
  new: 1,
  similarity: 1,
  ...given,
});

describe("points", () => {
  it.each([
    [0.1, 0.125, "+2.5"],
    [0.125, 0.1, "−2.5"],
    [0, 1, "+100.0"],
    [0.1, 0.1004, "±0"],
    [0.1004, 0.1, "±0"],
  ])("says %d to %d as %s", (share_before, share_after, said) =>
    expect(points({ share_before, share_after })).toBe(said),
  );
});

describe("groups", () => {
  it("are counted by kind", () => {
    const counts = countKinds([group({}), group({ kind: "new" }), group({})]);
    expect([...counts]).toEqual([
      ["kept", 2],
      ["new", 1],
    ]);
  });

  it("lead to their documents", () => {
    const found = behind(group({ before: [1, 3], after: [2] }));
    expect(found.left).toEqual({ change: "moved", was: [1, 3] });
    expect(found.joined).toEqual({ change: "moved", now: [2] });
    expect(found.gone).toEqual({ change: "gone", was: [1, 3] });
  });
});
