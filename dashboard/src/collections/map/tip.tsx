import { useDeferredValue } from "react";
import { api } from "../../api/client";
import { texts } from "../../texts";
import type { Theme } from "../rows";

interface TipProps {
  workflow: string;
  /** The document under the pointer, or -1. */
  row: number;
  theme: number | undefined;
  themes: readonly Theme[];
}

const SHOWN = 140;

/** What the document under the pointer is. */
export function Tip({ workflow, row, theme, themes }: TipProps) {
  const asked = useDeferredValue(row);
  const params = { path: { workflow }, query: { row: asked } };
  const found = api.useQuery(
    "get",
    "/v1/pipeline/{workflow}/document",
    { params },
    { enabled: asked >= 0, staleTime: Number.POSITIVE_INFINITY },
  );
  const item = asked >= 0 && asked === row ? found.data?.item : undefined;
  const label = themes.find((each) => each.theme === theme)?.label ?? texts.collections.unsorted;
  return (
    <p className="quiet map-tip" role="status">
      {row >= 0 ? (
        <>
          <strong>{label}</strong> {item && String(item.title || String(item.text).slice(0, SHOWN))}
        </>
      ) : (
        texts.map.hint
      )}
    </p>
  );
}
