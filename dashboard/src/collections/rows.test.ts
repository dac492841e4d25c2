import { describe, expect, it } from "vitest";
import { pieces } from "./rows";

const shown = (text: string, motifs: [string, number, number][]) =>
  pieces(
    text,
    motifs.map(([motif, start, end]) => ({ motif, start, end })),
  ).map((piece) => (piece.motif ? `[${piece.text}]` : piece.text));

describe("pieces", () => {
  it("cut a text at its motifs", () => {
    expect(shown("the prime minister said", [["prime minister", 4, 18]])).toEqual([
      "the ",
      "[prime minister]",
      " said",
    ]);
  });

  it("count characters, not units of UTF-16", () => {
    expect(shown("😀😀 oil price", [["oil price", 3, 12]])).toEqual(["😀😀 ", "[oil price]"]);
  });

  it("let the first of those that overlap count", () => {
    const motifs: [string, number, number][] = [
      ["a b", 0, 3],
      ["b c", 2, 5],
    ];
    expect(shown("a b c", motifs)).toEqual(["[a b]", " c"]);
  });

  it("lose nothing, whatever the places", () => {
    expect(shown("", [["a", 0, 9]])).toEqual([]);
    expect(shown("abc", [["x", 1, 99]]).join("")).toBe("a[bc]");
    expect(shown("abc", [])).toEqual(["abc"]);
  });
});
