import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { VirtualTable } from "../ui/virtual-table";
import { BulkBar, MOST_COUNTED } from "./bulk";
import { chosenColumns, columnsOf } from "./columns";
import { Filters } from "./filters";
import { filtersOf } from "./search";
import { useWorkflows } from "./use-workflows";
import "./workflows.css";

/** All workflows that meet the filters, live, however many there are. */
export function Workflows() {
  const search = useSearch({ from: "/workflows" });
  const project = useProject();
  const filters = { ...filtersOf(search), ...project };
  const list = useWorkflows(filters);
  const counted = api.useQuery("get", "/v1/workflows", { params: { query: { ...filters, counted: true, limit: 1 } } });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [matching, setMatching] = useState<string>();
  // Only those filters, so that whoever changes them selects nothing that was not looked at.
  const isMatching = matching === JSON.stringify(filters);
  const shown = isMatching ? new Set(list.rows.map((row) => row.id)) : selected;
  const toggle = (id: string) => {
    const next = new Set(shown);
    if (!next.delete(id)) next.add(id);
    setMatching(undefined);
    setSelected(next);
  };
  const count = counted.data?.count ?? undefined;

  return (
    <>
      <header className="row between">
        <h1>{texts.pages.workflows}</h1>
        <span className="quiet">{count !== undefined && texts.workflows.count(count, count >= MOST_COUNTED)}</span>
      </header>
      <Filters />
      <BulkBar
        rows={list.rows}
        hasMore={list.hasMore}
        count={count}
        filters={filters}
        selected={selected}
        onSelect={setSelected}
        isMatching={isMatching}
        onMatching={(is) => setMatching(is ? JSON.stringify(filters) : undefined)}
      />
      {list.error !== null && <ErrorNote error={list.error} retry={list.retry} />}
      {list.isLoaded && list.rows.length === 0 ? (
        <Empty>{Object.keys(filtersOf(search)).length ? texts.workflows.empty : texts.workflows.none}</Empty>
      ) : (
        <VirtualTable
          label={texts.pages.workflows}
          columns={columnsOf(chosenColumns(search.columns), shown, toggle)}
          rows={list.rows}
          keyOf={(row) => row.id}
          hasMore={list.hasMore}
          onEnd={list.more}
        />
      )}
    </>
  );
}
