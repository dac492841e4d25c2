import { useSearch } from "@tanstack/react-router";
import { client, type Schemas } from "../api/client";
import { bytes, duration, number } from "../formats/numbers";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { Time } from "../ui/time";
import { useChange } from "../ui/use-change";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";
import { StepChoice } from "./step-choice";
import { useWorkflowId } from "./use-workflow";

type Task = Schemas["TaskBody"];

const COLUMNS: readonly Column<Task>[] = [
  { key: "step", title: texts.workflow.step, width: "minmax(10rem, 1fr)", cell: (task) => task.step },
  { key: "partition", title: texts.workflow.partition, width: "6rem", isNumber: true, cell: (task) => task.partition },
  { key: "began", title: texts.workflow.began, width: "11rem", cell: (task) => <Time at={task.started_at} /> },
  { key: "wall", title: texts.workflows.took, width: "6rem", isNumber: true, cell: (task) => duration(task.wall_s) },
  { key: "cpu", title: texts.workflow.cpu, width: "6rem", isNumber: true, cell: (task) => duration(task.cpu_s) },
  { key: "rows", title: texts.workflow.rows, width: "6rem", isNumber: true, cell: (task) => number(task.rows) },
  {
    key: "rejects",
    title: texts.workflow.rejects,
    width: "6rem",
    isNumber: true,
    cell: (task) => number(task.rejects),
  },
  { key: "size", title: texts.workflow.size, width: "6rem", isNumber: true, cell: (task) => bytes(task.size) },
  { key: "peak", title: texts.workflow.peak, width: "7rem", isNumber: true, cell: (task) => bytes(task.peak_bytes) },
  { key: "cached", title: texts.workflow.cached, width: "5rem", cell: (task) => (task.is_cached ? "✓" : "") },
  { key: "worker", title: texts.workflow.worker, width: "minmax(10rem, 1fr)", cell: (task) => task.worker },
  { key: "host", title: texts.workflow.host, width: "8rem", cell: (task) => task.host },
];
const SLOW_S = [1, 10, 60, 600];

/** Finished tasks: where they ran, and what they took. */
export function TasksTab() {
  const id = useWorkflowId();
  const search = useSearch({ from: "/workflows/$workflow/tasks" });
  const change = useChange();
  const tasks = usePages<Task>(["tasks", id, search], (cursor, signal) =>
    client.GET("/v1/workflows/{workflow}/tasks", {
      params: { path: { workflow: id }, query: { limit: 200, ...search, ...cursor } },
      signal,
    }),
  );
  return (
    <div className="stack">
      <div className="row">
        <StepChoice id={id} value={search.step} onChange={(step) => change({ step })} />
        <label className="row">
          <span className="quiet">{texts.workflows.took} &gt;</span>
          <select
            value={search.slower_than_s ?? ""}
            onChange={(event) => change({ slower_than_s: event.target.value || undefined })}
          >
            <option value="">–</option>
            {SLOW_S.map((seconds) => (
              <option key={seconds} value={seconds}>
                {duration(seconds)}
              </option>
            ))}
          </select>
        </label>
        <Toggle
          label={texts.workflow.reject}
          value={search.has_rejects}
          onChange={(has_rejects) => change({ has_rejects })}
        />
        <Toggle
          label={texts.workflow.cached}
          value={search.is_cached}
          onChange={(is_cached) => change({ is_cached })}
        />
      </div>
      {tasks.error !== null && <ErrorNote error={tasks.error} retry={tasks.retry} />}
      {tasks.isLoaded && tasks.rows.length === 0 ? (
        <Empty>{texts.workflow.noTasks}</Empty>
      ) : (
        <VirtualTable
          label={texts.workflow.tabs.tasks}
          columns={COLUMNS}
          rows={tasks.rows}
          keyOf={(task) => `${task.step}/${task.partition}`}
          hasMore={tasks.hasMore}
          onEnd={tasks.more}
        />
      )}
    </div>
  );
}

interface ToggleProps {
  label: string;
  value: true | undefined;
  onChange: (value: true | undefined) => void;
}

function Toggle({ label, value, onChange }: ToggleProps) {
  return (
    <label className="row">
      <input
        type="checkbox"
        checked={value ?? false}
        onChange={(event) => onChange(event.target.checked || undefined)}
      />
      {label}
    </label>
  );
}
