import encodeQR from "qr";
import decodeQR from "qr/decode.js";
import { describe, expect, it } from "vitest";
import { outlineOf } from "./outline";

/** What a path of rectangles paints, as a picture of some pixels for each module. */
function painted(outline: string, size: number, scale: number): { width: number; height: number; data: Uint8Array } {
  const side = size * scale;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (const [, x, y, run] of outline.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1) {
      const start = row * side + Number(x) * scale;
      for (let at = start; at < start + Number(run) * scale; at += 1) data.fill(0, at * 4, at * 4 + 3);
    }
  }
  return { width: side, height: side, data };
}

describe("outlineOf", () => {
  it("draws what a reader of codes reads", () => {
    const address = "otpauth://totp/eopiez:zo%C3%AB?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=eopiez";
    const modules = encodeQR(address, "raw", { border: 4 });
    expect(decodeQR(painted(outlineOf(modules), modules.length, 4))).toBe(address);
  });

  it("joins modules that are side by side", () => {
    expect(outlineOf([[true, true, false, true], [], [false, false]])).toBe("M0 0h2v1h-2zM3 0h1v1h-1z");
  });
});
