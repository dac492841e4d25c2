import { describe, expect, it } from "vitest";
import { stepChanges } from "./plan-changes";

const plan = (...steps: object[]) => ({ name: "p", steps });

describe("stepChanges", () => {
  it("says which steps are new, gone and changed, and in what", () => {
    const one = plan(
      { name: "a", phase: { digest: "1" }, parameters: { n: 1, gone: true } },
      { name: "b" },
      { name: "same", inputs: ["a"] },
    );
    const other = plan(
      { name: "a", phase: { digest: "2" }, parameters: { n: 2, fresh: [] } },
      { name: "same", inputs: ["a"] },
      { name: "c" },
    );
    expect(stepChanges(one, other)).toEqual([
      {
        step: "a",
        kind: "changed",
        fields: [
          { field: "phase.digest", one: "1", other: "2" },
          { field: "parameters.n", one: 1, other: 2 },
          { field: "parameters.gone", one: true, other: undefined },
          { field: "parameters.fresh", one: undefined, other: [] },
        ],
      },
      { step: "b", kind: "removed", fields: [] },
      { step: "c", kind: "added", fields: [] },
    ]);
  });

  it("finds nothing where there is nothing", () => {
    expect(stepChanges(plan({ name: "a", parameters: {} }), plan({ name: "a", parameters: {} }))).toEqual([]);
    expect(stepChanges({}, null)).toEqual([]);
  });

  it("takes names for names, whatever they are", () => {
    expect(stepChanges(plan(), plan({ name: "__proto__", constructor: 1 }))).toEqual([
      { step: "__proto__", kind: "added", fields: [] },
    ]);
  });
});
