import { describe, expect, it } from "vitest";
import { boundary, burstsOf, interval, intervalAt, largestFirst } from "./times";

const TIMELINE = { starts: ["a", "b", "c"], end: "d" };

describe("intervals", () => {
  it.each([
    [0, 0, "a", "b"],
    [0, 2, "a", "d"],
    [2, 1, "b", "d"],
  ])("from %d to %d are from %s to before %s", (one, other, since, until) =>
    expect(interval(TIMELINE, one, other)).toEqual({ since, until }),
  );

  it.each([
    [-0.1, 0],
    [0, 0],
    [0.34, 1],
    [0.999, 2],
    [1, 2],
  ])("are found at %d of the chart", (share, place) => expect(intervalAt(share, 3)).toBe(place));
});

describe("boundaries", () => {
  it("are days, or moments where intervals are hours", () => {
    expect(boundary("2026-03-01T00:00:00Z", "week", "local")).toBe("1 Mar 2026");
    expect(boundary("2026-03-01T05:00:00Z", "hour", "utc")).toContain("05:00:00");
  });
});

describe("themes over time", () => {
  it("have bursts of their own", () => {
    const burst = { theme: 1, first: 1, last: 2, documents: 5, expected: 1, weight: 3 };
    expect(burstsOf(1, [burst, { ...burst, theme: 2, first: 0, last: 0 }], 4)).toEqual([false, true, true, false]);
  });

  it("come the largest first, and those without a theme last", () => {
    const themes = [
      { theme: -1, documents: [9, 9] },
      { theme: 0, documents: [1, 1] },
      { theme: 1, documents: [0, 5] },
    ];
    expect(largestFirst(themes).map(({ theme, count }) => [theme, count])).toEqual([
      [1, 5],
      [0, 2],
      [-1, 18],
    ]);
  });
});
