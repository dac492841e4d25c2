import { Link } from "@tanstack/react-router";
import { duration } from "../formats/numbers";
import { texts } from "../texts";
import { Empty } from "../ui/notes";
import { labelsOf } from "../workflows/columns";
import { StepsTable } from "./steps";
import { useWorkflow, useWorkflowId, type WorkflowDetail } from "./use-workflow";

/** What one wants to know first: why it stands or stopped, and how its steps are. */
export function SummaryTab() {
  const workflow = useWorkflow(useWorkflowId()).data;
  if (workflow === undefined) return null;
  return (
    <div className="stack">
      {workflow.error && <WhyItStopped workflow={workflow} />}
      <Waits waiting={workflow.waiting} />
      <div className="tiles">
        <Facts workflow={workflow} />
        <Steps workflow={workflow} />
      </div>
    </div>
  );
}

function WhyItStopped({ workflow }: { workflow: WorkflowDetail }) {
  const error = workflow.error ?? {};
  const step = typeof error.step === "string" ? error.step : undefined;
  return (
    <section className="panel note-bad">
      <h2>{texts.workflow.error}</h2>
      <p>
        <strong>{String(error.error_type ?? "")}</strong> {String(error.message ?? "")}
      </p>
      {typeof error.traceback === "string" && error.traceback && (
        <details>
          <summary>{texts.workflow.traceback}</summary>
          <pre>{error.traceback}</pre>
        </details>
      )}
      <Link to="/workflows/$workflow/attempts" params={{ workflow: workflow.id }} search={step ? { step } : {}}>
        {texts.workflow.tabs.attempts}
      </Link>
    </section>
  );
}

function Waits({ waiting }: { waiting: Record<string, string> }) {
  const all = Object.entries(waiting);
  if (all.length === 0) return null;
  return (
    <section className="panel">
      <h2>{texts.workflow.waits}</h2>
      <dl className="facts">
        {all.slice(0, 20).map(([step, reason]) => (
          <div key={step} style={{ display: "contents" }}>
            <dt>{step}</dt>
            <dd>{reason}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Facts({ workflow }: { workflow: WorkflowDetail }) {
  const { cost, inside, labels } = workflow;
  const driver = inside?.driver;
  const facts: [string, React.ReactNode][] = [
    [texts.workflows.project, workflow.project],
    [texts.workflows.owner, workflow.owner || "–"],
    [texts.workflow.priority, workflow.priority],
    [texts.workflow.labels, labelsOf(labels) || "–"],
    [texts.workflow.plan, texts.start.version(workflow.plan_version)],
    [texts.workflow.cpu, duration(cost.cpu_s)],
    [texts.workflow.wall, duration(cost.wall_s)],
    [texts.workflow.driver, driver ? `${driver.name} (${driver.host})` : "–"],
  ];
  return (
    <section className="panel">
      <h2>{texts.workflow.details}</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {isPipeline(workflow) && (
        <Link to="/collections/$workflow" params={{ workflow: workflow.id }} className="button">
          {texts.workflow.openCollection}
        </Link>
      )}
    </section>
  );
}

/** Whether it is a run of the content pipeline that has something to show. */
export function isPipeline(workflow: WorkflowDetail): boolean {
  return workflow.status === "succeeded" && workflow.labels["eopiez.pipeline"] === "content";
}

const SHOWN = 12;

function Steps({ workflow }: { workflow: WorkflowDetail }) {
  if (workflow.steps.length === 0) return <Empty>{texts.workflow.noTasks}</Empty>;
  const order = ["failed", "running", "waiting", "succeeded"];
  const first = [...workflow.steps].sort((one, other) => order.indexOf(one.status) - order.indexOf(other.status));
  return (
    <section className="panel">
      <h2>{texts.workflow.tabs.steps}</h2>
      <StepsTable workflow={workflow} steps={workflow.steps.length <= SHOWN ? workflow.steps : first.slice(0, SHOWN)} />
      {workflow.steps.length > SHOWN && (
        <Link to="/workflows/$workflow/steps" params={{ workflow: workflow.id }}>
          {texts.verbs.showAll}
        </Link>
      )}
    </section>
  );
}
