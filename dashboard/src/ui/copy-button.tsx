import { useState } from "react";
import { texts } from "../texts";

const SAID_MS = 1_500;

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), SAID_MS);
  };
  return (
    <button type="button" className="plain small" aria-label={label} title={label} onClick={() => void copy()}>
      {isCopied ? texts.verbs.copied : texts.verbs.copy}
    </button>
  );
}
