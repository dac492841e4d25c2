import { Link } from "@tanstack/react-router";
import { number, share } from "../formats/numbers";
import { texts } from "../texts";
import { ErrorNote } from "../ui/notes";
import { useThemes } from "./use-themes";

interface ThemesProps {
  workflow: string;
  onOpen: (document: string) => void;
}

/** Themes, the largest first: how large each is, its terms, and the documents that stand for it. */
export function Themes({ workflow, onOpen }: ThemesProps) {
  const themes = useThemes(workflow);
  if (themes.error !== null) return <ErrorNote error={themes.error} retry={themes.retry} />;
  const largest = Math.max(1, ...themes.rows.map((theme) => theme.documents));
  return (
    <div className="tiles">
      {themes.rows.map((theme) => (
        <article key={theme.theme} className="panel theme">
          <div className="row between">
            <h2>
              <Link
                to="/collections/$workflow"
                params={{ workflow }}
                search={{ part: "documents", theme: theme.theme }}
              >
                {theme.label}
              </Link>
            </h2>
            <span className="quiet">{texts.units.documents(theme.documents)}</span>
          </div>
          <div className="meter">
            <span style={{ inlineSize: `${(theme.documents / largest) * 100}%` }} />
          </div>
          <div className="terms">
            {theme.terms.slice(0, 10).map((term) => (
              <span key={term}>{term}</span>
            ))}
          </div>
          <p className="quiet small">
            {theme.language && `${theme.language} · `}
            {theme.consistency !== null && texts.collections.consistency(share(theme.consistency))}
          </p>
          <details>
            <summary>{texts.collections.exemplars}</summary>
            <ul>
              {theme.exemplars.map((id) => (
                <li key={id}>
                  <button type="button" className="link" onClick={() => onOpen(id)}>
                    {id}
                  </button>
                </li>
              ))}
            </ul>
          </details>
        </article>
      ))}
      {themes.hasMore && (
        <button type="button" onClick={themes.more}>
          {texts.verbs.more} ({number(themes.rows.length)})
        </button>
      )}
    </div>
  );
}
