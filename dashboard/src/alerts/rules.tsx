import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Status } from "../ui/status";
import { yamlOf } from "../workflow/yaml";

type Rule = Schemas["RuleBody"];

const EXAMPLE = JSON.stringify(
  {
    when: { kind: "threshold", metric: "eopiez_queue_age_seconds", above: 600 },
    for: "5m",
    severity: "warning",
    summary: "Workflows of project $project wait for $value s.",
  },
  null,
  2,
);

/** Rules of projects and of the system; and those that come with it. */
export function Rules() {
  const project = useProject();
  const rules = api.useQuery("get", "/v1/alerts/rules", { params: { query: { limit: 200, ...project } } });
  const builtIn = api.useQuery("get", "/v1/alerts/built-in-rules", {}, { staleTime: Number.POSITIVE_INFINITY });
  const [edited, setEdited] = useState<Rule | "new" | null>(null);
  return (
    <div className="stack">
      <div className="row">
        <button type="button" className="main" onClick={() => setEdited("new")}>
          {texts.alerts.newRule}
        </button>
      </div>
      <Answered query={rules}>
        {({ items }) =>
          items.map((rule) => (
            <section key={`${rule.project}/${rule.name}`} className="panel">
              <div className="row between">
                <h2>
                  {rule.name} <span className="quiet small">{rule.project ?? texts.alerts.system}</span>
                </h2>
                <button type="button" onClick={() => setEdited(rule)}>
                  {texts.workflow.edit}
                </button>
              </div>
              <pre>{yamlOf(rule.spec)}</pre>
            </section>
          ))
        }
      </Answered>
      <h2>{texts.alerts.builtIn}</h2>
      <Answered query={builtIn}>
        {({ items }) =>
          items.map((rule) => (
            <details key={rule.name} className="panel">
              <summary>
                <strong>{rule.name}</strong> <Status status={String(rule.spec.severity ?? "warning")} />{" "}
                <span className="quiet">{String(rule.spec.summary ?? "")}</span>
              </summary>
              <pre>{yamlOf(rule.spec)}</pre>
            </details>
          ))
        }
      </Answered>
      {edited !== null && (
        <RuleDialog
          rule={edited === "new" ? null : edited}
          onClose={() => setEdited(null)}
          onChanged={() => {
            setEdited(null);
            void rules.refetch();
          }}
        />
      )}
    </div>
  );
}

interface RuleDialogProps {
  rule: Rule | null;
  onClose: () => void;
  onChanged: () => void;
}

function placeOf(project: string): { project: string } | { system: true } {
  return project ? { project } : { system: true };
}

function RuleDialog({ rule, onClose, onChanged }: RuleDialogProps) {
  const shown = useProject();
  const projects = api.useQuery("get", "/v1/projects", {}, { staleTime: 60_000 });
  const usual = rule ? (rule.project ?? "") : (shown.project ?? projects.data?.items[0]?.name ?? "");
  const save = async (form: FormData) => {
    const spec = JSON.parse(said(form, "spec")) as Schemas["RuleSpec"];
    const header = rule ? { "If-Match": `"${rule.version}"` } : {};
    const params = { path: { name: said(form, "name") }, query: placeOf(said(form, "project")), header };
    await client.PUT("/v1/alerts/rules/{name}", { params, body: spec });
    onChanged();
  };
  const drop = async () => {
    if (rule === null) return;
    const params = { path: { name: rule.name }, query: placeOf(rule.project ?? "") };
    await client.DELETE("/v1/alerts/rules/{name}", { params });
    onChanged();
  };
  return (
    <Dialog title={rule?.name ?? texts.alerts.newRule} onClose={onClose}>
      <Form onSend={save} send={texts.verbs.save}>
        <Field label={texts.workflows.name}>
          {(id) => <input id={id} name="name" required defaultValue={rule?.name} readOnly={rule !== null} />}
        </Field>
        <Field label={texts.workflows.project}>
          {(id) => (
            <select id={id} name="project" key={usual} defaultValue={usual}>
              <option value="">{texts.alerts.system}</option>
              {(projects.data?.items ?? []).map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label={texts.alerts.spec} hint={texts.alerts.specHint}>
          {(id) => (
            <textarea
              id={id}
              name="spec"
              className="mono"
              rows={12}
              required
              defaultValue={rule ? JSON.stringify(rule.spec, null, 2) : EXAMPLE}
            />
          )}
        </Field>
      </Form>
      {rule && <Form onSend={drop} send={texts.verbs.delete} tone="danger" />}
    </Dialog>
  );
}
