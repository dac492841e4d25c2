import { useSearch } from "@tanstack/react-router";
import { api, client, ROOT, type Schemas } from "../api/client";
import { number } from "../formats/numbers";
import { stringifySearch } from "../search";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { useChange } from "../ui/use-change";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";
import { StepChoice } from "./step-choice";
import { useWorkflowId } from "./use-workflow";

type Reject = Schemas["RejectBody"];
type Reason = Schemas["ReasonBody"];

const COLUMNS: readonly Column<Reject>[] = [
  { key: "step", title: texts.workflow.step, width: "minmax(8rem, 1fr)", cell: (row) => row.step },
  { key: "partition", title: texts.workflow.partition, width: "6rem", isNumber: true, cell: (row) => row.partition },
  { key: "source", title: texts.workflow.source, width: "minmax(10rem, 1fr)", cell: (row) => wraps(row.source) },
  { key: "reason", title: texts.workflow.reason, width: "minmax(12rem, 1.5fr)", cell: (row) => wraps(row.reason) },
  { key: "sample", title: texts.workflow.sample, width: "minmax(14rem, 2fr)", cell: (row) => wraps(row.sample) },
  { key: "rows", title: texts.workflow.rows, width: "5rem", isNumber: true, cell: (row) => number(row.rows) },
];

const wraps = (text: string) => <span className="wraps">{text}</span>;

/** Rows that steps could not use: why, where they are from, how they begin. */
export function RejectsTab() {
  const id = useWorkflowId();
  const search = useSearch({ from: "/workflows/$workflow/rejects" });
  const change = useChange();
  const path = { workflow: id };
  const reasons = api.useQuery("get", "/v1/workflows/{workflow}/rejects/reasons", { params: { path } });
  const rejects = usePages<Reject>(["rejects", id, search], (cursor, signal) =>
    client.GET("/v1/workflows/{workflow}/rejects", {
      params: { path, query: { limit: 200, ...search, ...cursor } },
      signal,
    }),
  );
  if (reasons.data?.items.length === 0 && rejects.rows.length === 0) return <Empty>{texts.workflow.noRejects}</Empty>;
  return (
    <div className="stack">
      <div className="row between">
        <div className="row">
          <StepChoice id={id} value={search.step} onChange={(step) => change({ step, reason: undefined })} />
          <ReasonChoice
            reasons={reasons.data?.items.filter((each) => !search.step || each.step === search.step) ?? []}
            value={search.reason}
            onChange={(reason) => change({ reason })}
          />
        </div>
        <a
          className="button"
          href={`${ROOT}/v1/workflows/${id}/rejects/export${stringifySearch(search)}`}
          download="rejects.csv"
        >
          {texts.verbs.download} CSV
        </a>
      </div>
      {rejects.error !== null && <ErrorNote error={rejects.error} retry={rejects.retry} />}
      {rejects.isLoaded && rejects.rows.length === 0 && !rejects.hasMore ? (
        <Empty>{texts.workflow.noRejectsMatch}</Empty>
      ) : (
        <VirtualTable
          label={texts.workflow.tabs.rejects}
          columns={COLUMNS}
          rows={rejects.rows.map((row, at) => ({ ...row, at }))}
          keyOf={(row) => row.at}
          hasMore={rejects.hasMore}
          onEnd={rejects.more}
        />
      )}
    </div>
  );
}

interface ReasonChoiceProps {
  reasons: readonly Reason[];
  value: string | undefined;
  onChange: (reason: string | undefined) => void;
}

const MOST_REASONS = 500;
const MOST_CHARACTERS = 1_000;

/** As many characters as the gateway compares, counted as it counts them. */
const firstOf = (reason: string) => [...reason].slice(0, MOST_CHARACTERS).join("");

/** The most frequent reasons, each with how many rows it has. */
function ReasonChoice({ reasons, value, onChange }: ReasonChoiceProps) {
  const counts = new Map<string, number>(value === undefined ? [] : [[value, 0]]);
  for (const each of reasons.slice(0, MOST_REASONS)) {
    const reason = firstOf(each.reason);
    counts.set(reason, (counts.get(reason) ?? 0) + each.rows);
  }
  return (
    <label className="row">
      <span className="quiet">{texts.workflow.reason}</span>
      <select
        className="reason-choice"
        value={value ?? ""}
        onChange={(event) => onChange(event.target.value || undefined)}
      >
        <option value="">{texts.workflow.anyReason}</option>
        {[...counts].map(([reason, rows]) => (
          <option key={reason} value={reason}>
            {texts.workflow.reasonCount(reason.slice(0, 100), rows)}
          </option>
        ))}
      </select>
    </label>
  );
}
