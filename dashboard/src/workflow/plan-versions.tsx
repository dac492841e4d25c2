import { useMemo } from "react";
import { api } from "../api/client";
import { texts } from "../texts";
import { Answered } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { type FieldChange, type StepChange, stepChanges } from "./plan-changes";
import { PlanDifference } from "./plan-difference";

interface PlanVersionsProps {
  id: string;
  /** The earlier version. */
  one: number;
  other: number;
}

/** Two versions of a workflow's plan: the steps that differ, and every line that does. */
export function PlanVersions({ id, one, other }: PlanVersionsProps) {
  const before = usePlan(id, one);
  const after = usePlan(id, other);
  return (
    <Answered query={before}>
      {(earlier) => (
        <Answered query={after}>
          {(later) => (
            <>
              <Steps one={one} other={other} before={earlier.plan} after={later.plan} />
              <section className="panel">
                <h2>{texts.workflow.planYaml}</h2>
                <PlanDifference one={earlier.plan} other={later.plan} />
              </section>
            </>
          )}
        </Answered>
      )}
    </Answered>
  );
}

function usePlan(id: string, version: number) {
  return api.useQuery("get", "/v1/workflows/{workflow}/plans/{version}", {
    params: { path: { workflow: id, version } },
  });
}

interface StepsProps {
  one: number;
  other: number;
  before: unknown;
  after: unknown;
}

function Steps({ one, other, before, after }: StepsProps) {
  const changes = useMemo(() => stepChanges(before, after), [before, after]);
  return (
    <section className="panel">
      <h2>{texts.workflow.stepChanges}</h2>
      {changes.length === 0 ? (
        <p className="quiet">{texts.workflow.planSame}</p>
      ) : (
        <Scrolls label={texts.workflow.stepChanges}>
          <table>
            <thead>
              <tr>
                <th>{texts.workflow.step}</th>
                <th>{texts.workflow.field}</th>
                <th>{texts.workflow.earlier(one)}</th>
                <th>{texts.workflow.earlier(other)}</th>
              </tr>
            </thead>
            <tbody>
              {changes.map((each) => (
                <Rows key={each.step} change={each} />
              ))}
            </tbody>
          </table>
        </Scrolls>
      )}
    </section>
  );
}

const TONES = { added: "tone-good", removed: "tone-bad", changed: "quiet" };

function Rows({ change }: { change: StepChange }) {
  const fields: readonly (FieldChange | undefined)[] = change.fields.length > 0 ? change.fields : [undefined];
  return fields.map((field, index) => (
    <tr key={field?.field ?? ""}>
      {index === 0 && (
        <th scope="rowgroup" rowSpan={fields.length}>
          {change.step} <span className={TONES[change.kind]}>{texts.workflow.stepSigns[change.kind]}</span>
        </th>
      )}
      <td>{field?.field}</td>
      <td className="mono">{field && shown(field.one)}</td>
      <td className="mono">{field && shown(field.other)}</td>
    </tr>
  ));
}

const MOST_CHARACTERS = 400;

function shown(value: unknown): string {
  if (value === undefined || value === null) return texts.workflow.absent;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)} …` : text;
}
