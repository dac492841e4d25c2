import { describe, expect, it } from "vitest";
import { yamlOf } from "./yaml";

describe("yamlOf", () => {
  it("writes block style", () => {
    expect(
      yamlOf({ name: "words", steps: [{ name: "a", inputs: ["b", "c"] }, { name: "d" }], empty: {}, none: [] }),
    ).toBe("name: words\nsteps:\n  - name: a\n    inputs:\n      - b\n      - c\n  - name: d\nempty: {}\nnone: []");
  });

  it("quotes what could mean something else", () => {
    for (const text of ["true", "no", "1", "a: b", "# x", "", "- x", "two\nlines", "null", "~"]) {
      expect(yamlOf(text)).toBe(JSON.stringify(text));
    }
  });

  it("leaves out null", () => {
    expect(yamlOf({ a: null, b: 1 })).toBe("b: 1");
  });
});
