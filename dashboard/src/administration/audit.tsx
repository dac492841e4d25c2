import { useSearch } from "@tanstack/react-router";
import { client, ROOT, type Schemas } from "../api/client";
import { defined, stringifySearch } from "../search";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { useChange } from "../ui/use-change";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";

type Row = Schemas["AuditRowBody"];

const RESULTS = { done: "succeeded", refused: "refused", failed: "failed" } as const;

const COLUMNS: readonly Column<Row>[] = [
  { key: "seq", title: "#", width: "5rem", isNumber: true, cell: (row) => row.seq },
  { key: "at", title: texts.logs.at, width: "11rem", cell: (row) => <Time at={row.at} /> },
  { key: "actor", title: texts.administration.actor, width: "9rem", cell: (row) => row.actor },
  { key: "action", title: texts.administration.action, width: "13rem", cell: (row) => row.action },
  {
    key: "result",
    title: texts.administration.result,
    width: "8rem",
    cell: (row) => <Status status={RESULTS[row.result]} label={row.result} />,
  },
  { key: "object", title: texts.administration.object, width: "minmax(12rem, 1fr)", cell: (row) => row.object },
  { key: "project", title: texts.workflows.project, width: "8rem", cell: (row) => row.project },
  { key: "address", title: texts.account.address, width: "9rem", cell: (row) => row.address },
  {
    key: "details",
    title: texts.workflow.details,
    width: "minmax(12rem, 1fr)",
    cell: (row) => Object.entries(row.details).map(([key, value]) => `${key}: ${value}`).join(", "), // biome-ignore format: one line.
  },
];

/** Who did what; rows cannot be changed. */
export function Audit() {
  const search = useSearch({ from: "/administration" });
  const filters = defined({ action: search.action, actor: search.actor, result: search.result });
  const rows = usePages<Row>(["audit", filters], (cursor, signal) =>
    client.GET("/v1/audit", { params: { query: { limit: 200, ...filters, ...cursor } }, signal }),
  );
  const change = useChange();
  return (
    <div className="stack">
      <div className="fields">
        <Field label={texts.administration.actor}>
          {(id) => (
            <input
              id={id}
              type="search"
              data-filter
              defaultValue={search.actor}
              onChange={(event) => change({ actor: event.target.value || undefined })}
            />
          )}
        </Field>
        <Field label={texts.administration.action}>
          {(id) => (
            <input
              id={id}
              type="search"
              defaultValue={search.action}
              onChange={(event) => change({ action: event.target.value || undefined })}
            />
          )}
        </Field>
        <Field label={texts.administration.result}>
          {(id) => (
            <select
              id={id}
              value={search.result ?? ""}
              onChange={(event) => change({ result: event.target.value || undefined })}
            >
              <option value="">–</option>
              {Object.keys(RESULTS).map((result) => (
                <option key={result}>{result}</option>
              ))}
            </select>
          )}
        </Field>
        <div className="row">
          <a className="button" href={`${ROOT}/v1/audit/export${stringifySearch({})}`} download="audit.jsonl">
            {texts.verbs.download}
          </a>
        </div>
      </div>
      {rows.error !== null && <ErrorNote error={rows.error} retry={rows.retry} />}
      <VirtualTable
        label={texts.administration.audit}
        columns={COLUMNS}
        rows={rows.rows}
        keyOf={(row) => row.seq}
        hasMore={rows.hasMore}
        onEnd={rows.more}
      />
    </div>
  );
}
