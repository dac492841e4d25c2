import { describe, expect, it } from "vitest";
import { imageOf } from "./image";

const base64 = (...bytes: number[]) => btoa(String.fromCharCode(...bytes));

describe("imageOf", () => {
  it("knows PNG and JPEG by how they begin", () => {
    const png = imageOf(base64(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1));
    expect([png?.type, png?.bytes.length]).toEqual(["image/png", 9]);
    expect(imageOf(base64(0xff, 0xd8, 0xff, 0xe0))?.type).toBe("image/jpeg");
  });

  it("takes nothing else for one", () => {
    const svg = btoa("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>");
    for (const text of ["", "iVBORw0KGgo", "/9j/ and words", "/9j/=", svg, base64(0x47, 0x49, 0x46, 0x38)]) {
      expect(imageOf(text)).toBeNull();
    }
  });
});
