import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { duration, number } from "../formats/numbers";
import { secondsBetween } from "../formats/times";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Answered } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Status } from "../ui/status";
import { PlanDifference } from "./plan-difference";
import { useWorkflow, useWorkflowId, type WorkflowDetail } from "./use-workflow";

/** Two runs side by side: their steps, what they took, and where their plans differ. */
export function CompareTab() {
  const one = useWorkflow(useWorkflowId()).data;
  const { other } = useSearch({ from: "/workflows/$workflow/compare" });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(other ?? "");
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          void navigate({ to: ".", search: { other: typed.trim() } });
        }}
      >
        <Field label={texts.workflow.compareWith} hint={texts.workflow.compareHint}>
          {(id) => (
            <input id={id} size={40} value={typed} required onChange={(event) => setTyped(event.target.value)} />
          )}
        </Field>
        <button type="submit" className="main">
          {texts.workflow.tabs.compare}
        </button>
      </form>
      {one && other && <Comparison one={one} otherId={other} />}
    </div>
  );
}

function Comparison({ one, otherId }: { one: WorkflowDetail; otherId: string }) {
  const other = useWorkflow(otherId);
  return (
    <Answered query={other}>
      {(found) => (
        <>
          <Sides one={one} other={found} />
          <Plans one={one} other={found} />
        </>
      )}
    </Answered>
  );
}

const took = (workflow: WorkflowDetail) =>
  workflow.started_at ? secondsBetween(workflow.started_at, workflow.finished_at, Date.now()) : Number.NaN;

function Sides({ one, other }: { one: WorkflowDetail; other: WorkflowDetail }) {
  const names = [...new Set([...one.steps, ...other.steps].map((step) => step.name))];
  const step = (workflow: WorkflowDetail, name: string) => workflow.steps.find((each) => each.name === name);
  return (
    <Scrolls label={texts.workflow.tabs.compare} className="panel">
      <table>
        <thead>
          <tr>
            <th>{texts.workflow.step}</th>
            <th>{texts.workflow.compareOf}</th>
            <th>{texts.workflow.other}</th>
            <th className="number">{texts.workflow.wall}</th>
            <th className="number">{texts.workflow.wall}</th>
            <th className="number">×</th>
            <th className="number">{texts.workflow.rows}</th>
            <th className="number">{texts.workflow.rows}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <td>
              <strong>{texts.workflows.took}</strong>
            </td>
            <td>
              <Status status={one.status} />
            </td>
            <td>
              <Status status={other.status} />
            </td>
            <td className="number">{duration(took(one))}</td>
            <td className="number">{duration(took(other))}</td>
            <td className="number">{ratio(took(one), took(other))}</td>
            <td />
            <td />
          </tr>
          {names.map((name) => {
            const [here, there] = [step(one, name), step(other, name)];
            return (
              <tr key={name}>
                <td>{name}</td>
                <td>{here ? <Status status={here.status} /> : texts.workflow.onlyThere}</td>
                <td>{there ? <Status status={there.status} /> : texts.workflow.onlyHere}</td>
                <td className="number">{here && duration(here.wall_s)}</td>
                <td className="number">{there && duration(there.wall_s)}</td>
                <td className="number">{here && there && ratio(here.wall_s, there.wall_s)}</td>
                <td className="number">{here && number(here.rows)}</td>
                <td className="number">{there && number(there.rows)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scrolls>
  );
}

function ratio(one: number, other: number): string {
  return one > 0 && Number.isFinite(other) ? (other / one).toFixed(2) : "–";
}

function Plans({ one, other }: { one: WorkflowDetail; other: WorkflowDetail }) {
  return (
    <section className="panel">
      <h2>{texts.workflow.plan}</h2>
      <PlanDifference one={one.inside?.plan ?? {}} other={other.inside?.plan ?? {}} />
    </section>
  );
}
