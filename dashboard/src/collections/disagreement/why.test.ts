import { describe, expect, it } from "vitest";
import { type Disagreement, reasons } from "./why";

const document = { document_id: "a", title: null, text: "", theme: 0, motifs: [] };
const pair = (given: Partial<Disagreement>): Disagreement => ({
  first: document,
  second: document,
  consistency: 0.9,
  similarity: 0.5,
  overlap: 0.9,
  common: ["a b"],
  ...given,
});

describe("reasons", () => {
  it.each([
    [pair({}), []],
    [pair({ second: { ...document, theme: 1 } }), ["themes"]],
    [pair({ overlap: 0.1, consistency: 0.5 }), ["surroundings", "direction"]],
    [pair({ common: [] }), ["words"]],
  ])("of a pair", (given, found) => expect(reasons(given)).toEqual(found));
});
