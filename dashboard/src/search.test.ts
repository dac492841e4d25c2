import { describe, expect, it } from "vitest";
import { defined, flag, integer, oneOf, parseSearch, stringifySearch, text, texts } from "./search";

describe("addresses", () => {
  it("come back as they were written", () => {
    const search = { status: ["failed", "running"], text: "a&b=c #1 ü", limit: 3 };
    const parsed = parseSearch(stringifySearch(search));
    expect(parsed).toEqual({ status: ["failed", "running"], text: "a&b=c #1 ü", limit: "3" });
    expect(stringifySearch(parsed)).toBe(stringifySearch(search));
  });

  it("leave out what says nothing", () => {
    expect(stringifySearch({ text: "", status: [], follow: false, step: undefined })).toBe("");
  });

  it("are believed only as far as they make sense", () => {
    expect(texts(["failed", "nonsense"], ["failed", "running"])).toEqual(["failed"]);
    expect(oneOf("sideways", ["newest", "oldest"])).toBeUndefined();
    expect(integer("12e999")).toBeUndefined();
    expect(integer("12")).toBe(12);
    expect(flag("true")).toBe(true);
    expect(flag("no")).toBeUndefined();
    expect(text(["first", "second"])).toBe("first");
  });
});

describe("defined", () => {
  it("drops what is undefined and nothing else", () => {
    expect(defined({ a: undefined, b: null, c: 0, d: "" })).toEqual({ b: null, c: 0, d: "" });
  });
});
