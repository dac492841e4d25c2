import { useSearch } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { api } from "../api/client";
import { number } from "../formats/numbers";
import { preferences } from "../shell/preferences";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { useStore } from "../ui/store";
import { useChange } from "../ui/use-change";
import { hasEnded, useWorkflow, useWorkflowId, type WorkflowDetail } from "../workflow/use-workflow";
import type { By } from "./arrangement";
import type { Window } from "./bins";
import { Chart, type ChartHandle } from "./chart";
import { Details } from "./details";
import { Legend } from "./legend";
import { marksOf } from "./marks";
import { type Model, modelOf, slotOf, taskAt } from "./model";
import { wiresOf } from "./readiness";
import type { TimelineSearch } from "./search";
import type { Spans } from "./spans";
import { MOST, useTimeline } from "./use-timeline";
import { WindowTable } from "./window-table";
import "./timeline.css";

/** When every task and attempt ran, by worker or by step. */
export function TimelineTab() {
  const id = useWorkflowId();
  const workflow = useWorkflow(id).data;
  const timeline = useTimeline(id, workflow?.plan_version ?? 1, workflow !== undefined && hasEnded(workflow.status));
  if (timeline.error !== null && timeline.spans === undefined)
    return <ErrorNote error={timeline.error} retry={timeline.retry} />;
  if (workflow === undefined || timeline.spans === undefined) return <p className="quiet">{texts.shell.loading}</p>;
  if (timeline.spans.count === 0) return <Empty>{texts.timeline.empty}</Empty>;
  return <Shown workflow={workflow} spans={timeline.spans} version={timeline.version} />;
}

interface ShownProps {
  workflow: WorkflowDetail;
  spans: Spans;
  version: number;
}

function Shown({ workflow, spans, version }: ShownProps) {
  const search = useSearch({ from: "/workflows/$workflow/timeline" });
  const { zone } = useStore(preferences);
  const chart = useRef<ChartHandle>(null);
  const change = useChange();
  const steps = useSteps(workflow);
  const model = useModel(spans, version, steps, search);
  const marks = useMarks(workflow);
  const origin = new Date(workflow.created_at).getTime();
  const { from, to } = search;
  const window = useMemo(() => (from === undefined || to === undefined ? undefined : { from, to }), [from, to]);
  const selected = useMemo(() => slotOf(model, search.task), [model, search.task]);
  const pick = useMemo(
    () => (slot: number | undefined) => change({ task: slot === undefined ? undefined : taskAt(model, slot) }),
    [change, model],
  );
  const states = useMemo(() => new Set(model.arrangement.state), [model]);
  return (
    <div className="stack">
      <Controls search={search} gaps={model.gaps.length} chart={chart} onChange={change} />
      {version >= MOST && <Empty>{texts.timeline.tooMany(number(MOST))}</Empty>}
      <Chart
        ref={chart}
        model={model}
        origin={origin}
        zone={zone}
        marks={marks}
        window={window}
        selected={selected}
        summary={texts.timeline.summary(spans.count, model.arrangement.rows.length)}
        onWindow={(next) => change(rounded(next))}
        onPick={pick}
      />
      <Legend states={states} marks={marks} />
      <p className="small quiet">{texts.timeline.hint}</p>
      {selected !== undefined && (
        <Details
          id={workflow.id}
          model={model}
          slot={selected}
          origin={origin}
          onPick={pick}
          onShow={(slot) => chart.current?.show(slot)}
        />
      )}
      <WindowTable model={model} window={window} origin={origin} onPick={pick} />
    </div>
  );
}

interface ControlsProps {
  search: TimelineSearch;
  gaps: number;
  chart: React.RefObject<ChartHandle | null>;
  onChange: (changes: object) => void;
}

function Controls({ search, gaps, chart, onChange }: ControlsProps) {
  return (
    <div className="row between">
      <div className="row">
        <label className="row">
          <span className="quiet">{texts.timeline.rows}</span>
          <select
            value={search.by ?? "step"}
            onChange={(event) => onChange({ by: event.target.value === "worker" ? "worker" : undefined })}
          >
            <option value="step">{texts.timeline.byStep}</option>
            <option value="worker">{texts.timeline.byWorker}</option>
          </select>
        </label>
        {gaps > 0 && (
          <label className="row">
            <input
              type="checkbox"
              checked={search.gaps === undefined}
              onChange={(event) =>
                onChange({ gaps: event.target.checked ? undefined : "shown", from: undefined, to: undefined })
              }
            />
            {texts.timeline.fold(gaps)}
          </label>
        )}
      </div>
      <div className="row">
        <button type="button" aria-label={texts.timeline.zoomOut} onClick={() => chart.current?.zoom(1 / 2)}>
          −
        </button>
        <button type="button" aria-label={texts.timeline.zoomIn} onClick={() => chart.current?.zoom(2)}>
          +
        </button>
        <button type="button" onClick={() => chart.current?.fit()}>
          {texts.timeline.fit}
        </button>
      </div>
    </div>
  );
}

/** Addresses need no more digits than a screen has pixels. */
function rounded(window: Window | undefined): { from: string | undefined; to: string | undefined } {
  if (window === undefined) return { from: undefined, to: undefined };
  const digits = Math.min(9, Math.max(0, 5 - Math.floor(Math.log10(window.to - window.from))));
  return { from: window.from.toFixed(digits), to: window.to.toFixed(digits) };
}

interface Steps {
  names: string[];
  wires: ReturnType<typeof wiresOf>;
}

/** Names and wires, kept while the plan is the same: the workflow itself is asked for again and again. */
function useSteps(workflow: WorkflowDetail): Steps {
  const plan = workflow.inside?.plan as { steps?: Parameters<typeof wiresOf>[0] } | undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a plan has a version.
  return useMemo(
    () => ({ names: workflow.steps.map((step) => step.name), wires: wiresOf(plan?.steps ?? []) }),
    [workflow.id, workflow.plan_version, workflow.steps.length],
  );
}

function useModel(spans: Spans, version: number, steps: Steps, search: TimelineSearch): Model {
  const by: By = search.by ?? "step";
  const isFolded = search.gaps === undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version rises when spans are added.
  return useMemo(
    () => modelOf(spans, steps.names, steps.wires, { by, isFolded }),
    [spans, version, steps, by, isFolded],
  );
}

function useMarks(workflow: WorkflowDetail) {
  const params = { path: { workflow: workflow.id }, query: { limit: 1000 } };
  const events = api.useQuery("get", "/v1/workflows/{workflow}/events", { params });
  return useMemo(
    () => marksOf(events.data?.items ?? [], new Date(workflow.created_at).getTime()),
    [events.data, workflow.created_at],
  );
}
