import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { texts } from "../texts";
import { createStore, useStore } from "../ui/store";
import type { WorkflowsSearch } from "./search";

type View = { name: string; search: WorkflowsSearch };

const KEY = "eopiez-views";

function read(): View[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

const views = createStore<readonly View[]>(read());

function keep(all: readonly View[]): void {
  views.set(all);
  localStorage.setItem(KEY, JSON.stringify(all));
}

/** Filters and columns under a name, kept in the browser; an address does the same for others. */
export function SavedViews({ search }: { search: WorkflowsSearch }) {
  const all = useStore(views);
  const [name, setName] = useState("");
  return (
    <details className="menu">
      <summary>{texts.workflows.views}</summary>
      <div className="menu-items">
        {all.length === 0 && <span className="quiet">{texts.workflows.noViews}</span>}
        {all.map((view) => (
          <span key={view.name} className="row between">
            <Link to="/workflows" search={view.search}>
              {view.name}
            </Link>
            <button
              type="button"
              className="plain"
              aria-label={texts.workflows.dropView(view.name)}
              onClick={() => keep(all.filter((each) => each.name !== view.name))}
            >
              ✕
            </button>
          </span>
        ))}
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            keep([...all.filter((each) => each.name !== name), { name, search }]);
            setName("");
          }}
        >
          <input
            aria-label={texts.workflows.viewName}
            placeholder={texts.workflows.viewName}
            value={name}
            required
            onChange={(event) => setName(event.target.value)}
          />
          <button type="submit">{texts.workflows.saveView}</button>
        </form>
      </div>
    </details>
  );
}
