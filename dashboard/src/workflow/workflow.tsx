import { Link, Outlet } from "@tanstack/react-router";
import { api } from "../api/client";
import { duration } from "../formats/numbers";
import { texts } from "../texts";
import { CopyButton } from "../ui/copy-button";
import { ErrorNote } from "../ui/notes";
import { Status } from "../ui/status";
import { Time, Took } from "../ui/time";
import { Controls } from "./controls";
import {
  hasEnded,
  isUndriven,
  type Progress,
  useLive,
  useNotice,
  useWorkflow,
  useWorkflowId,
  type WorkflowDetail,
} from "./use-workflow";
import "./workflow.css";

const TABS = [
  ["/workflows/$workflow", texts.workflow.tabs.summary],
  ["/workflows/$workflow/graph", texts.workflow.tabs.graph],
  ["/workflows/$workflow/timeline", texts.workflow.tabs.timeline],
  ["/workflows/$workflow/steps", texts.workflow.tabs.steps],
  ["/workflows/$workflow/tasks", texts.workflow.tabs.tasks],
  ["/workflows/$workflow/attempts", texts.workflow.tabs.attempts],
  ["/workflows/$workflow/logs", texts.workflow.tabs.logs],
  ["/workflows/$workflow/results", texts.workflow.tabs.results],
  ["/workflows/$workflow/rejects", texts.workflow.tabs.rejects],
  ["/workflows/$workflow/events", texts.workflow.tabs.events],
  ["/workflows/$workflow/plan", texts.workflow.tabs.plan],
  ["/workflows/$workflow/compare", texts.workflow.tabs.compare],
] as const;

/** One workflow: its state and its controls above every tab. */
export function WorkflowPage() {
  const id = useWorkflowId();
  const workflow = useWorkflow(id);
  useNotice(workflow.data);
  const said = useLive(id, workflow.data !== undefined && hasEnded(workflow.data.status));
  const detail = workflow.data;
  if (workflow.isLoadingError) return <ErrorNote error={workflow.error} retry={() => void workflow.refetch()} />;
  // Tabs need not wait for the head: pictures of large workflows have requests of their own, which are quicker.
  return (
    <>
      {detail ? (
        <Head workflow={detail} progress={hasEnded(detail.status) ? detail.progress : (said ?? detail.progress)} />
      ) : (
        <p className="quiet">{texts.shell.loading}</p>
      )}
      {detail && isUndriven(detail) && (
        <p className="note note-warn" role="status">
          {texts.workflow.undriven}
        </p>
      )}
      <nav className="tabs" aria-label={detail?.name ?? id}>
        {TABS.map(([to, title]) => (
          <Link key={to} to={to} params={{ workflow: id }} activeOptions={{ exact: true, includeSearch: false }}>
            {title}
          </Link>
        ))}
      </nav>
      <Outlet />
    </>
  );
}

function Head({ workflow, progress }: { workflow: WorkflowDetail; progress: Progress }) {
  const { tasks_done, tasks_known, tasks_running, steps, steps_done } = progress;
  const part = tasks_known ? tasks_done / tasks_known : 0;
  return (
    <header className="stack workflow-head">
      <div className="row between">
        <div className="row">
          <h1>{workflow.name}</h1>
          <Status status={workflow.status} />
          <span className="mono quiet">{workflow.id}</span>
          <CopyButton text={workflow.id} label={texts.workflow.copyId} />
        </div>
        <Controls workflow={workflow} />
      </div>
      <div
        className="meter"
        role="progressbar"
        aria-label={texts.workflow.progress(tasks_done, tasks_known)}
        aria-valuenow={Math.round(part * 100)}
      >
        <span style={{ inlineSize: `${part * 100}%` }} />
      </div>
      <p className="row quiet" data-testid="progress">
        <span>{texts.workflow.progress(tasks_done, tasks_known)}</span>
        <span>{texts.workflow.steps(steps_done, steps)}</span>
        {tasks_running > 0 && <span>{texts.workflow.running(tasks_running)}</span>}
        <span>
          {texts.workflows.created} <Time at={workflow.created_at} />
        </span>
        <span>
          {texts.workflows.took} <Took from={workflow.started_at} to={workflow.finished_at} />
        </span>
        {!hasEnded(workflow.status) && <Forecast id={workflow.id} />}
      </p>
      {workflow.request && (
        <p className="quiet">
          {texts.workflow.request(workflow.request.verb, workflow.request.by)}
          {workflow.request.why && `, ${texts.workflow.because(workflow.request.why)}`}
        </p>
      )}
    </header>
  );
}

const FORECAST_MS = 10_000;

function Forecast({ id }: { id: string }) {
  const params = { params: { path: { workflow: id } } };
  const diagnosis = api.useQuery("get", "/v1/workflows/{workflow}/performance", params, {
    refetchInterval: FORECAST_MS,
  });
  const forecast = diagnosis.data?.forecast;
  if (!forecast) return null;
  return (
    <span>
      {texts.workflow.forecast(duration(forecast.expected_s))} (
      {texts.workflow.forecastRange(duration(forecast.earliest_s), duration(forecast.latest_s))})
    </span>
  );
}
