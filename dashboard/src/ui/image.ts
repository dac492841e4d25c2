export interface Image {
  type: "image/png" | "image/jpeg";
  bytes: Uint8Array<ArrayBuffer>;
}

const BEGINS = {
  "image/png": [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  "image/jpeg": [0xff, 0xd8, 0xff],
} as const;
/** How base64 begins of bytes that begin so; nothing else is decoded. */
const LIKELY = /^(?:iVBORw0KGgo|\/9j\/)[A-Za-z0-9+/]*={0,2}$/;

/** The image that a result holds, whose bytes are base64 in JSON; null if it is none of the two kinds. */
export function imageOf(text: string): Image | null {
  if (text.length % 4 !== 0 || !LIKELY.test(text)) return null;
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  for (const type of ["image/png", "image/jpeg"] as const) {
    if (BEGINS[type].every((byte, at) => bytes[at] === byte)) return { type, bytes };
  }
  return null;
}
