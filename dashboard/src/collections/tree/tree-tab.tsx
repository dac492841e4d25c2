import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { api } from "../../api/client";
import { defined } from "../../search";
import { texts } from "../../texts";
import { Answered, Empty } from "../../ui/notes";
import { Documents } from "../documents";
import type { Node } from "./nodes";
import { Tree } from "./tree";
import "./tree.css";

const MapTab = lazy(() => import("../map/tab"));
const VIEWS = ["documents", "map"] as const;

interface TreeTabProps {
  workflow: string;
  onOpen: (document: string) => void;
}

/** Themes as a tree; the documents of the branch that is chosen are beside it, as a list or on the map. */
export default function TreeTab({ workflow, onOpen }: TreeTabProps) {
  const search = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const tree = api.useQuery("get", "/v1/pipeline/{workflow}/tree", { params: { path: { workflow } } });
  const change = (next: { node?: number; closed?: number[] }) =>
    void navigate({ to: ".", search: { ...search, ...next }, replace: next.closed !== undefined, resetScroll: false });
  return (
    <Answered query={tree}>
      {({ items }) => {
        const chosen = items.find(({ id }) => id === search.node) ?? items[0];
        if (chosen === undefined) return <Empty>{texts.tree.none}</Empty>;
        return (
          <div className="tree-and-branch">
            <Tree
              nodes={items}
              chosen={chosen.id}
              closed={new Set(search.closed)}
              onChoose={(node) => change({ node })}
              onFold={(closed) => change({ closed: [...closed] })}
            />
            <Branch workflow={workflow} node={chosen} isAll={chosen.parent === null} onOpen={onOpen} />
          </div>
        );
      }}
    </Answered>
  );
}

interface BranchProps extends TreeTabProps {
  node: Node;
  isAll: boolean;
}

function Branch({ workflow, node, isAll, onOpen }: BranchProps) {
  const search = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const view = search.view ?? "documents";
  const wanted = isAll ? {} : { themes: node.themes };
  return (
    <section className="stack" aria-label={texts.tree.chosen}>
      <header className="row between">
        <div>
          <h2>{isAll ? texts.tree.all : node.label}</h2>
          <p className="quiet small">
            {texts.units.documents(node.documents)} · {node.terms.join(", ")}
          </p>
        </div>
        <div className="row tree-views">
          {VIEWS.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === view}
              onClick={() => void navigate({ to: ".", search: defined({ ...search, view: each }), resetScroll: false })}
            >
              {texts.collections.parts[each]}
            </button>
          ))}
        </div>
      </header>
      {view === "documents" ? (
        <Documents workflow={workflow} wanted={wanted} onOpen={onOpen} />
      ) : (
        <Suspense fallback={<p className="quiet">{texts.shell.loading}</p>}>
          <MapTab workflow={workflow} only={isAll ? undefined : node.themes} onOpen={onOpen} />
        </Suspense>
      )}
    </section>
  );
}
