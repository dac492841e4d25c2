import { api } from "../../api/client";
import { number } from "../../formats/numbers";
import { texts } from "../../texts";
import type { Theme } from "../rows";
import type { Places } from "./places";

interface ChosenProps {
  workflow: string;
  rows: readonly number[];
  places: Places;
  themes: readonly Theme[];
  onOpen: (document: string) => void;
}

const LISTED = 15;

/** What a lasso has caught: how many documents of which themes, and the first of them. */
export function Chosen({ workflow, rows, places, themes, onOpen }: ChosenProps) {
  const counts = new Map<number, number>();
  for (const row of rows) {
    const theme = places.theme[row] as number;
    counts.set(theme, (counts.get(theme) ?? 0) + 1);
  }
  const label = (theme: number) => themes.find((each) => each.theme === theme)?.label ?? texts.collections.unsorted;
  return (
    <section className="panel" aria-label={texts.map.lasso}>
      <h2>{texts.units.documents(rows.length)}</h2>
      <ul>
        {[...counts]
          .sort(([, one], [, other]) => other - one)
          .map(([theme, count]) => (
            <li key={theme}>
              {label(theme)}: {number(count)}
            </li>
          ))}
      </ul>
      <ul>
        {rows.slice(0, LISTED).map((row) => (
          <Caught key={row} workflow={workflow} row={row} onOpen={onOpen} />
        ))}
        {rows.length > LISTED && <li className="quiet">…</li>}
      </ul>
    </section>
  );
}

interface CaughtProps {
  workflow: string;
  row: number;
  onOpen: (document: string) => void;
}

function Caught({ workflow, row, onOpen }: CaughtProps) {
  const params = { path: { workflow }, query: { row } };
  const item = api.useQuery("get", "/v1/pipeline/{workflow}/document", { params }).data?.item;
  if (item === undefined) return null;
  return (
    <li>
      <button type="button" className="link" onClick={() => onOpen(String(item.document_id))}>
        {String(item.title || item.document_id)}
      </button>
    </li>
  );
}
