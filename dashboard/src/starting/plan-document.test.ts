import { describe, expect, it } from "vitest";
import { faultOf, parsePlan } from "./plan-document";

const PLAN = "plan: words\nsteps:\n  text:\n    values: [one]\n  a.b:\n    phase: tidy\n    inputs: text\n";

describe("parsePlan", () => {
  it("gives the value", () => {
    expect(parsePlan(PLAN).value).toEqual({
      plan: "words",
      steps: { text: { values: ["one"] }, "a.b": { phase: "tidy", inputs: "text" } },
    });
  });

  it("says in which line the YAML is wrong", () => {
    expect(parsePlan("plan: words\nsteps: [one\n").faults[0]?.line).toBeGreaterThan(1);
    expect(parsePlan("plan: a\nplan: b\n").faults).toMatchObject([{ line: 2 }]);
  });
});

describe("faultOf", () => {
  it.each([
    ["plan: steps.text.values: too few", 4],
    ["plan: steps.a.b.inputs: no such step", 7],
    ["plan: steps.a.b: unknown phase", 5],
    ["plan: steps.a.b.retry: missing", 5],
    ["plan: unknown: key", 1],
    ["something else", 1],
  ])("finds the line of %s", (refusal, line) => expect(faultOf(PLAN, refusal).line).toBe(line));
});
