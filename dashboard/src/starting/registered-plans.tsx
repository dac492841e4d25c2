import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Answered, Empty, ErrorNote } from "../ui/notes";
import { Time } from "../ui/time";
import { labelsFrom } from "../workflow/priority";

type Plan = Schemas["PlanBody"];

/** Plans that developers have registered, and a form for the parameters of each. */
export function RegisteredPlans() {
  const project = useProject();
  const { plan: chosen } = useSearch({ from: "/start" });
  const navigate = useNavigate();
  const plans = api.useQuery("get", "/v1/plans", { params: { query: { limit: 200, ...project } } });
  return (
    <Answered query={plans}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty>{texts.start.noPlans}</Empty>
        ) : (
          <div className="stack narrow">
            {items.map((plan) => {
              const key = `${plan.project}/${plan.name}`;
              return (
                <section key={key} className="panel">
                  <div className="row between">
                    <div>
                      <h2>{plan.name}</h2>
                      <p className="quiet small">
                        {plan.project} · {texts.start.version(plan.version)} · {plan.registered_by} ·{" "}
                        <Time at={plan.registered_at} />
                      </p>
                    </div>
                    {chosen !== key && (
                      <button
                        type="button"
                        onClick={() =>
                          void navigate({ to: "/start", search: { ...project, from: "plans", plan: key } })
                        }
                      >
                        {texts.start.run} …
                      </button>
                    )}
                  </div>
                  {plan.description && <p>{plan.description}</p>}
                  {chosen === key && <StartPlan plan={plan} />}
                </section>
              );
            })}
          </div>
        )
      }
    </Answered>
  );
}

/** A value of a parameter: JSON where it is, text otherwise. */
export function valueFrom(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function StartPlan({ plan }: { plan: Plan }) {
  const [error, setError] = useState<unknown>(null);
  const navigate = useNavigate();
  async function start(form: FormData) {
    try {
      const given = Object.keys(plan.parameters).filter((name) => String(form.get(`parameter ${name}`)).trim() !== "");
      const parameters = Object.fromEntries(
        given.map((name) => [name, valueFrom(String(form.get(`parameter ${name}`)))]),
      );
      const body = { plan: plan.name, parameters, labels: labelsFrom(String(form.get("labels"))) };
      const answer = await client.POST("/v1/workflows", { params: { query: { project: plan.project } }, body: body });
      const { id } = answer.data as Schemas["WorkflowBody"];
      await navigate({ to: "/workflows/$workflow", params: { workflow: id } });
    } catch (caught) {
      setError(caught);
    }
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void start(new FormData(event.currentTarget));
      }}
    >
      <div className="fields">
        {Object.entries(plan.parameters).map(([name, parameter]) => (
          <Field key={name} label={name} hint={parameter.description || texts.start.parameterOf(parameter.step)}>
            {(id) => <input id={id} name={`parameter ${name}`} />}
          </Field>
        ))}
        <Field label={texts.start.labels}>{(id) => <input id={id} name="labels" />}</Field>
      </div>
      {error !== null && <ErrorNote error={error} />}
      <div className="row">
        <button type="submit" className="main">
          {texts.start.run}
        </button>
      </div>
    </form>
  );
}
