import { useNavigate, useSearch } from "@tanstack/react-router";
import { api } from "../../api/client";
import { defined } from "../../search";
import { preferences } from "../../shell/preferences";
import { texts } from "../../texts";
import { Answered, Empty } from "../../ui/notes";
import { useStore } from "../../ui/store";
import { Documents } from "../documents";
import type { Theme } from "../rows";
import { useThemes } from "../use-themes";
import { Bursts } from "./bursts";
import { Overall } from "./overall";
import { Series } from "./series";
import { boundary, type Interval, type Timeline } from "./times";
import "./times.css";

interface TimesTabProps {
  workflow: string;
  onOpen: (document: string) => void;
}

/** Documents over time by theme, with bursts; the documents of the time and theme that are chosen are below. */
export default function TimesTab({ workflow, onOpen }: TimesTabProps) {
  const { since, until, theme } = useSearch({ from: "/collections/$workflow" });
  const query = defined({ since, until });
  const times = api.useQuery("get", "/v1/pipeline/{workflow}/timeline", { params: { path: { workflow }, query } });
  const themes = useThemes(workflow);
  const isWhole = since === undefined && until === undefined;
  return (
    <div className="stack">
      <Answered query={times}>
        {({ timeline, undated, documents }) => {
          if (timeline) return <Drawn timeline={timeline} undated={undated} themes={themes.rows} />;
          if (isWhole) return <Empty>{texts.times.none(documents, undated)}</Empty>;
          return (
            <>
              <Chosen />
              <p className="quiet">{texts.times.tooFew}</p>
            </>
          );
        }}
      </Answered>
      {!(isWhole && theme === undefined) && (
        <section className="stack">
          <h2>{texts.times.documents}</h2>
          <Documents workflow={workflow} wanted={defined({ since, until, themes: listOf(theme) })} onOpen={onOpen} />
        </section>
      )}
    </div>
  );
}

const listOf = (theme: number | undefined) => (theme === undefined ? undefined : [theme]);

interface DrawnProps {
  timeline: Timeline;
  undated: number;
  themes: readonly Theme[];
}

function Drawn({ timeline, undated, themes }: DrawnProps) {
  const search = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const choose = (next: Partial<Interval> & { theme?: number | undefined }) =>
    void navigate({ to: ".", search: defined({ ...search, ...next }), resetScroll: false });
  const label = (theme: number) => themes.find((each) => each.theme === theme)?.label ?? texts.collections.unsorted;
  return (
    <>
      <Chosen unit={timeline.unit} label={label} />
      <Overall timeline={timeline} onChoose={choose} />
      <p className="quiet small">
        {texts.times.unit(timeline.unit)} {texts.times.hint} {undated > 0 && texts.times.undated(undated)}{" "}
        {timeline.outside > 0 && texts.times.outside(timeline.outside)}
      </p>
      <Series timeline={timeline} chosen={search.theme} label={label} onChoose={choose} />
      <Bursts timeline={timeline} label={label} onChoose={choose} />
    </>
  );
}

/** What is chosen, and the way back to everything. */
function Chosen({ unit = "hour", label }: { unit?: string; label?: (theme: number) => string }) {
  const { since, until, theme, part } = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const { zone } = useStore(preferences);
  if (since === undefined && until === undefined && theme === undefined) return null;
  return (
    <p className="row">
      {since && until && (
        <strong>{texts.times.between(boundary(since, unit, zone), boundary(until, unit, zone))}</strong>
      )}
      {theme !== undefined && label && <strong>{label(theme)}</strong>}
      <button type="button" onClick={() => void navigate({ to: ".", search: defined({ part }), resetScroll: false })}>
        {texts.times.all}
      </button>
    </p>
  );
}
