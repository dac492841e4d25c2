import encodeQR from "qr";
import { useMemo } from "react";
import { outlineOf } from "./outline";
import "./account.css";

/** Modules of light around a code, as ISO/IEC 18004 asks for. */
const QUIET = 4;

/** A text for cameras, drawn here: it is a secret, and goes nowhere. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const modules = useMemo(() => encodeQR(text, "raw", { ecc: "medium", border: QUIET }), [text]);
  return (
    <svg className="qr-code" viewBox={`0 0 ${modules.length} ${modules.length}`} role="img" aria-label={label}>
      <path d={outlineOf(modules)} />
    </svg>
  );
}
