import { describe, expect, it } from "vitest";
import { type Answer, MOST_SHOWN, namedOf, tallied, UNASKED } from "./tally";

const answer = (id: number, refusal = ""): Answer => ({ id: String(id), name: "n", status: "failed", refusal });

describe("what a request to many comes to", () => {
  it("counts whom it concerns by state", () => {
    const named = namedOf([
      { id: "a", status: "failed" },
      { id: "b", status: "running" },
      { id: "c", status: "failed" },
    ]);
    expect(named.ids).toEqual(["a", "b", "c"]);
    expect([...named.statuses]).toEqual([
      ["failed", 2],
      ["running", 1],
    ]);
  });

  it("counts all answers and keeps the first refusals", () => {
    const page = Array.from({ length: 500 }, (_, id) => answer(id, id % 2 ? "no" : ""));
    const tally = tallied(tallied(UNASKED, page), page);
    expect([tally.asked, tally.refused]).toEqual([1000, 500]);
    expect(tally.refusals).toHaveLength(MOST_SHOWN);
    expect([...tally.statuses]).toEqual([["failed", 500]]);
  });

  it("counts what is gone, which has no state", () => {
    const tally = tallied(UNASKED, [{ id: "a", name: "", status: null, refusal: "there is none" }]);
    expect([tally.refused, tally.statuses.size]).toEqual([1, 0]);
  });
});
