import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { Status } from "../ui/status";
import { Time, Took } from "../ui/time";
import { useChange } from "../ui/use-change";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";
import { OUTCOMES } from "./searches";
import { StepChoice } from "./step-choice";
import { useWorkflowId } from "./use-workflow";

type Attempt = Schemas["AttemptBody"];

/** Attempts that ended without a result, with their tracebacks. */
export function AttemptsTab() {
  const id = useWorkflowId();
  const search = useSearch({ from: "/workflows/$workflow/attempts" });
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const toggle = (attempt: number) => {
    const next = new Set(opened);
    if (!next.delete(attempt)) next.add(attempt);
    setOpened(next);
  };
  const change = useChange();
  const attempts = usePages<Attempt>(["attempts", id, search], (cursor, signal) =>
    client.GET("/v1/workflows/{workflow}/attempts", {
      params: { path: { workflow: id }, query: { limit: 200, ...search, ...cursor } },
      signal,
    }),
  );
  return (
    <div className="stack">
      <div className="row">
        <StepChoice id={id} value={search.step} onChange={(step) => change({ step })} />
        <label className="row">
          <span className="quiet">{texts.workflow.outcome}</span>
          <select
            value={search.outcome ?? ""}
            onChange={(event) => change({ outcome: event.target.value || undefined })}
          >
            <option value="">{texts.workflow.allAttempts}</option>
            {OUTCOMES.map((outcome) => (
              <option key={outcome} value={outcome}>
                {texts.statuses[outcome]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {attempts.error !== null && <ErrorNote error={attempts.error} retry={attempts.retry} />}
      {attempts.isLoaded && attempts.rows.length === 0 ? (
        <Empty>{texts.workflow.noAttempts}</Empty>
      ) : (
        <VirtualTable
          label={texts.workflow.tabs.attempts}
          columns={columnsFor(opened, toggle)}
          rows={attempts.rows}
          keyOf={(attempt) => attempt.id}
          hasMore={attempts.hasMore}
          onEnd={attempts.more}
          detail={(attempt) => opened.has(attempt.id) && <Traceback attempt={attempt} />}
        />
      )}
    </div>
  );
}

function columnsFor(opened: ReadonlySet<number>, toggle: (id: number) => void): Column<Attempt>[] {
  return [
    {
      key: "open",
      title: <span className="only-read-aloud">{texts.workflow.traceback}</span>,
      width: "2.75rem",
      cell: (attempt) => (
        <button
          type="button"
          className="plain"
          aria-expanded={opened.has(attempt.id)}
          aria-label={texts.workflow.traceback}
          onClick={() => toggle(attempt.id)}
        >
          {opened.has(attempt.id) ? "▾" : "▸"}
        </button>
      ),
    },
    { key: "step", title: texts.workflow.step, width: "minmax(9rem, 1fr)", cell: (attempt) => attempt.step },
    {
      key: "partition",
      title: texts.workflow.partition,
      width: "6rem",
      isNumber: true,
      cell: (attempt) => attempt.partition,
    },
    {
      key: "attempt",
      title: texts.workflow.attempt,
      width: "5rem",
      isNumber: true,
      cell: (attempt) => attempt.attempt,
    },
    {
      key: "outcome",
      title: texts.workflow.outcome,
      width: "9rem",
      cell: (attempt) => <Status status={attempt.outcome} />,
    },
    {
      key: "message",
      title: texts.workflow.message,
      width: "minmax(14rem, 3fr)",
      cell: (attempt) => (
        <>
          <strong>{attempt.error_type}</strong> {attempt.message.slice(0, 300)}
        </>
      ),
    },
    { key: "began", title: texts.workflow.began, width: "11rem", cell: (attempt) => <Time at={attempt.started_at} /> },
    {
      key: "took",
      title: texts.workflows.took,
      width: "6rem",
      isNumber: true,
      cell: (attempt) => <Took from={attempt.started_at} to={attempt.ended_at} />,
    },
    { key: "worker", title: texts.workflow.worker, width: "minmax(9rem, 1fr)", cell: (attempt) => attempt.worker },
  ];
}

function Traceback({ attempt }: { attempt: Attempt }) {
  return <pre>{attempt.traceback || `${attempt.error_type}: ${attempt.message}`}</pre>;
}
