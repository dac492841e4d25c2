import { describe, expect, it } from "vitest";
import { bytes, duration, number } from "./numbers";

describe("duration", () => {
  it.each([
    [0, "0 s"],
    [0.0004, "0 s"],
    [0.35, "350 ms"],
    [4.23, "4.2 s"],
    [59.4, "59 s"],
    [59.96, "1 min"],
    [200, "3 min 20 s"],
    [7500, "2 h 5 min"],
    [273_600, "3 d 4 h"],
    [-5, "-5 s"],
    [Number.NaN, "–"],
  ])("says %d as %s", (seconds, said) => expect(duration(seconds)).toBe(said));
});

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1024, "1.0 KiB"],
    [1.5 * 2 ** 20, "1.5 MiB"],
    [2 ** 40, "1.0 TiB"],
  ])("says %d as %s", (count, said) => expect(bytes(count)).toBe(said));
});

describe("number", () => {
  it.each([
    [0, "0"],
    [12_345.678, "12,345.68"],
    [0.0042, "0.0042"],
    [0.00001, "< 0.001"],
    [-3, "-3"],
  ])("says %d as %s", (value, said) => expect(number(value)).toBe(said));
});
