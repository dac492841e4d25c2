import { Link } from "@tanstack/react-router";
import { api, type Schemas } from "../api/client";
import { duration, number } from "../formats/numbers";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { DataTable } from "../ui/data-table";
import { Answered } from "../ui/notes";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import type { Column } from "../ui/virtual-table";

type Cost = Schemas["CostsBody"]["groups"][number];

const LOOKS_MS = 5_000;
const SHOWN = 5;
const live = { refetchInterval: LOOKS_MS };

export function Failures() {
  const project = useProject();
  const failures = api.useQuery(
    "get",
    "/v1/workflows/failures",
    { params: { query: { limit: 50, ...project } } },
    live,
  );
  return (
    <section className="panel">
      <h2>{texts.overview.failing}</h2>
      <Answered query={failures}>
        {({ items, quarantined }) => (
          <ul className="lines">
            {items.length + quarantined.length === 0 && <li className="quiet">{texts.overview.noFailures}</li>}
            {quarantined.slice(0, SHOWN).map((each) => (
              <Failure key={each.workflow_id} status="quarantined" {...each} />
            ))}
            {byCause(items)
              .slice(0, SHOWN)
              .map(({ first, count }) => (
                <Failure key={first.id} status="failed" at={first.ended_at} count={count} {...first} />
              ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}

type GivenUp = Schemas["GivenUpBody"];

/** Tasks given up, those with the same error of the same step as one, the most frequent first. */
export function byCause(items: readonly GivenUp[]): { first: GivenUp; count: number }[] {
  const causes = new Map<string, { first: GivenUp; count: number }>();
  for (const each of items) {
    const key = `${each.workflow} ${each.step} ${each.error_type} ${each.message.slice(0, 80)}`;
    const cause = causes.get(key) ?? { first: each, count: 0 };
    causes.set(key, { ...cause, count: cause.count + 1 });
  }
  return [...causes.values()].sort((one, other) => other.count - one.count);
}

interface FailureProps {
  status: string;
  workflow_id: string;
  workflow: string;
  step?: string;
  error_type: string;
  message: string;
  at: string;
  count?: number;
}

function Failure({ status, workflow_id, workflow, step, error_type, message, at, count = 1 }: FailureProps) {
  return (
    <li>
      <span className="row">
        <Status status={status} />
        <Link
          to={status === "failed" ? "/workflows/$workflow/attempts" : "/workflows/$workflow"}
          params={{ workflow: workflow_id }}
          search={step ? { step, outcome: "failed" } : {}}
        >
          {workflow}
          {step && ` · ${step}`}
        </Link>
        {count > 1 && <span>× {count}</span>}
        <span className="quiet small">
          <Time at={at} />
        </span>
      </span>
      <span className="small">
        <strong>{error_type}</strong> {message.slice(0, 200)}
      </span>
    </li>
  );
}

const WAITING = ["queued", "running"] as const;

export function Waiting() {
  const project = useProject();
  const query = { status: [...WAITING], limit: SHOWN, order: "oldest" as const, ...project };
  const workflows = api.useQuery("get", "/v1/workflows", { params: { query } }, live);
  return (
    <section className="panel">
      <h2>{texts.overview.waiting}</h2>
      <Answered query={workflows}>
        {({ items }) => (
          <ul className="lines">
            {items.length === 0 && <li className="quiet">{texts.overview.nothingWaits}</li>}
            {items.map((each) => (
              <Waits key={each.id} id={each.id} />
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}

function Waits({ id }: { id: string }) {
  const detail = api.useQuery("get", "/v1/workflows/{workflow}", { params: { path: { workflow: id } } }, live);
  if (detail.data === undefined) return null;
  const { name, status, waiting, progress } = detail.data;
  const [first] = Object.entries(waiting);
  return (
    <li>
      <span className="row">
        <Status status={status} />
        <Link to="/workflows/$workflow" params={{ workflow: id }}>
          {name}
        </Link>
        <span className="quiet small">{texts.workflow.progress(progress.tasks_done, progress.tasks_known)}</span>
      </span>
      {first && (
        <span className="small">
          {first[0]}: {first[1]}
        </span>
      )}
    </li>
  );
}

export function Ended({ window }: { window: number }) {
  const project = useProject();
  const query = { window_s: window, limit: 1, ...project };
  const performance = api.useQuery("get", "/v1/performance", { params: { query } }, live);
  return (
    <section className="panel">
      <h2>
        {texts.overview.ended} · {texts.windows[window]}
      </h2>
      <Answered query={performance}>
        {({ ended }) => (
          <table>
            <tbody>
              {ended.map((each) => (
                <tr key={each.status}>
                  <td>
                    <Status status={each.status} />
                  </td>
                  <td className="number">{number(each.workflows)}</td>
                  <td className="number quiet">p50 {duration(each.took.p50_s)}</td>
                  <td className="number quiet">p95 {duration(each.took.p95_s)}</td>
                </tr>
              ))}
              {ended.length === 0 && (
                <tr>
                  <td className="quiet">{texts.workflows.empty}</td>
                </tr>
              )}
            </tbody>
          </table>
        )}
      </Answered>
    </section>
  );
}

const nameOf = (group: Record<string, string>) => Object.values(group).join(" · ");

const SLOWEST: readonly Omit<Column<Schemas["GroupBody"]>, "width">[] = [
  { key: "group", title: texts.workflow.step, cell: (each) => nameOf(each.group) },
  { key: "tasks", title: texts.overview.throughput, isNumber: true, cell: (each) => number(each.tasks) },
  { key: "p50", title: "p50", isNumber: true, cell: (each) => duration(each.run.p50_s) },
  { key: "p95", title: "p95", isNumber: true, cell: (each) => duration(each.run.p95_s) },
];

export function Slowest({ window }: { window: number }) {
  const project = useProject();
  const query = { window_s: window, limit: SHOWN, order: "time" as const, ...project };
  const performance = api.useQuery("get", "/v1/performance", { params: { query } }, live);
  return (
    <section className="panel">
      <h2>{texts.overview.slowest}</h2>
      <Answered query={performance}>
        {({ groups }) => (
          <DataTable
            label={texts.overview.slowest}
            columns={SLOWEST}
            rows={groups}
            keyOf={(each) => nameOf(each.group)}
          />
        )}
      </Answered>
    </section>
  );
}

const COSTS: readonly Omit<Column<Cost>, "width">[] = [
  { key: "group", title: texts.workflow.plan, cell: (each) => nameOf(each.group) },
  { key: "cpu", title: texts.overview.cpuHours, isNumber: true, cell: (each) => number(each.cpu_hours) },
  { key: "memory", title: texts.overview.memoryHours, isNumber: true, cell: (each) => number(each.memory_gib_hours) },
  { key: "cost", title: texts.overview.costs, isNumber: true, cell: (each) => number(each.cost) },
];

export function Costs({ window }: { window: number }) {
  const project = useProject();
  const query = { window_s: window, group: ["plan" as const], limit: SHOWN, ...project };
  const costs = api.useQuery("get", "/v1/costs", { params: { query } }, live);
  return (
    <section className="panel">
      <h2>{texts.overview.cost}</h2>
      <Answered query={costs}>
        {({ groups }) => (
          <DataTable label={texts.overview.cost} columns={COSTS} rows={groups} keyOf={(each) => nameOf(each.group)} />
        )}
      </Answered>
    </section>
  );
}

export function Alerts() {
  const project = useProject();
  const query = { status: ["firing" as const], limit: SHOWN, ...project };
  const alerts = api.useQuery("get", "/v1/alerts", { params: { query } }, live);
  return (
    <section className="panel">
      <h2>{texts.overview.alerts}</h2>
      <Answered query={alerts}>
        {({ items }) => (
          <ul className="lines">
            {items.length === 0 && <li className="quiet">{texts.overview.noAlerts}</li>}
            {items.map((each) => (
              <li key={each.id}>
                <span className="row">
                  <Status status={each.severity} />
                  <strong>{each.rule}</strong>
                  <span className="quiet small">
                    <Time at={each.started_at} />
                  </span>
                </span>
                <span className="small">{each.summary}</span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}

export function Parts() {
  const health = api.useQuery("get", "/v1/health", {}, live);
  return (
    <section className="panel">
      <h2>{texts.overview.parts}</h2>
      <Answered query={health}>
        {({ parts }) => (
          <ul className="lines">
            {parts.map((part) => (
              <li key={part.name}>
                <span className="row">
                  <Status status={part.status} />
                  <strong>{part.name}</strong>
                </span>
                {part.detail && <span className="small quiet">{part.detail}</span>}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}
