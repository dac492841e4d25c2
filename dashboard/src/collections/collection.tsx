import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { api, ROOT } from "../api/client";
import { texts } from "../texts";
import { DocumentDialog } from "./document";
import { DocumentsTab } from "./documents";
import { Motifs } from "./motifs";
import { COLLECTION_PARTS } from "./search";
import { Search } from "./search-in-meaning";
import { Themes } from "./themes";
import "./collections.css";

const ComparisonTab = lazy(() => import("./comparison/comparison"));
const DisagreementTab = lazy(() => import("./disagreement/disagreement-tab"));
const MapTab = lazy(() => import("./map/tab"));
const TimesTab = lazy(() => import("./times/times-tab"));
const TreeTab = lazy(() => import("./tree/tree-tab"));

const TABLES = ["documents", "assignments", "themes", "motifs", "occurrences", "vectors", "facets", "copies"] as const;

/** What a run of the content pipeline has found. */
export function Collection() {
  const { workflow } = useParams({ from: "/collections/$workflow" });
  const search = useSearch({ from: "/collections/$workflow" });
  const { part = "themes", document } = search;
  const navigate = useNavigate();
  const run = api.useQuery("get", "/v1/workflows/{workflow}", { params: { path: { workflow } } });
  const open = (id: string) => void navigate({ to: ".", search: { ...search, document: id } });
  const place = `${ROOT}/v1/pipeline/${workflow}`;
  return (
    <>
      <header className="row between">
        <h1>{run.data?.labels.title || run.data?.name}</h1>
        <div className="row">
          <Link to="/workflows/$workflow" params={{ workflow }} className="button">
            {texts.collections.run}
          </Link>
          <a className="button" href={`${place}/report`} target="_blank" rel="noreferrer">
            {texts.collections.report}
          </a>
          <details className="menu">
            <summary>{texts.verbs.download}</summary>
            <div className="menu-items">
              <a href={`${place}/archive`} download="collection.eopz">
                {texts.collections.archive}
              </a>
              {TABLES.map((table) => (
                <a key={table} href={`${place}/tables/${table}`} download={`${table}.parquet`}>
                  {table}.parquet
                </a>
              ))}
            </div>
          </details>
        </div>
      </header>
      <nav className="tabs" aria-label={texts.pages.collections}>
        {COLLECTION_PARTS.map((each) => (
          <Link
            key={each}
            to="/collections/$workflow"
            params={{ workflow }}
            search={{ part: each }}
            data-status={each === part ? "active" : undefined}
            aria-current={each === part ? "page" : undefined}
          >
            {texts.collections.parts[each]}
          </Link>
        ))}
      </nav>
      {part === "themes" && <Themes workflow={workflow} onOpen={open} />}
      {part === "motifs" && <Motifs workflow={workflow} />}
      {part === "documents" && <DocumentsTab workflow={workflow} theme={search.theme} onOpen={open} />}
      {part === "search" && <Search workflow={workflow} query={search.query} onOpen={open} />}
      <Suspense fallback={<p className="quiet">{texts.shell.loading}</p>}>
        {part === "tree" && <TreeTab workflow={workflow} onOpen={open} />}
        {part === "map" && <MapTab workflow={workflow} onOpen={open} />}
        {part === "times" && <TimesTab workflow={workflow} onOpen={open} />}
        {part === "disagreement" && <DisagreementTab workflow={workflow} onOpen={open} />}
        {part === "compare" && <ComparisonTab workflow={workflow} project={run.data?.project} onOpen={open} />}
      </Suspense>
      {document !== undefined && (
        <DocumentDialog
          workflow={workflow}
          document={document}
          onOpen={open}
          onClose={() => {
            const { document: _, ...rest } = search;
            void navigate({ to: ".", search: rest });
          }}
        />
      )}
    </>
  );
}
