import { Link } from "@tanstack/react-router";
import { number } from "../../formats/numbers";
import { texts } from "../../texts";
import type { Theme } from "../rows";
import { colourOf } from "./paint";

interface LegendProps {
  workflow: string;
  themes: readonly Theme[];
  chosen: number | null;
  isDark: boolean;
  onChoose: (theme: number | null) => void;
}

/** Themes with their colours; one of them can stand out, and its documents are listed behind the link. */
export function Legend({ workflow, themes, chosen, isDark, onChoose }: LegendProps) {
  return (
    <section className="panel map-legend" aria-label={texts.collections.parts.themes}>
      {themes.map((theme) => (
        <div key={theme.theme} className="row between">
          <button
            type="button"
            className="plain"
            aria-pressed={chosen === theme.theme}
            onClick={() => onChoose(chosen === theme.theme ? null : theme.theme)}
          >
            <span className="swatch" aria-hidden="true" style={{ background: colourOf(theme.theme, isDark) }} />
            <span className="ellipsis">{theme.label}</span>
          </button>
          <Link to="/collections/$workflow" params={{ workflow }} search={{ part: "documents", theme: theme.theme }}>
            {number(theme.documents)}
          </Link>
        </div>
      ))}
    </section>
  );
}
