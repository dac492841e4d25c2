import { api, client, type Schemas } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { ActsHead, DataTable } from "../ui/data-table";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";
import type { Column } from "../ui/virtual-table";
import { labelsFrom } from "../workflow/priority";
import { labelsOf } from "../workflows/columns";

type Silence = Schemas["SilenceBody"];

const HOURS = [1, 4, 12, 24, 72, 168];

/** Nobody is told of what a silence names, until it ends. */
export function Silences() {
  const project = useProject();
  const silences = api.useQuery("get", "/v1/alerts/silences", { params: { query: { limit: 200, ...project } } });
  const create = async (form: FormData) => {
    const body = {
      rule: said(form, "rule") || null,
      labels: labelsFrom(said(form, "labels")),
      ends_at: new Date(Date.now() + Number(said(form, "hours")) * 3_600_000).toISOString(),
      comment: said(form, "comment"),
    };
    await client.POST("/v1/alerts/silences", { params: { query: project.project ? project : { system: true } }, body });
    await silences.refetch();
  };
  const end = async (silence: string) => {
    try {
      await client.DELETE("/v1/alerts/silences/{silence}", { params: { path: { silence } } });
      await silences.refetch();
    } catch (error) {
      toast.problem(error);
    }
  };
  return (
    <div className="stack">
      <section className="panel">
        <h2>{texts.alerts.newSilence}</h2>
        <p className="quiet">{project.project ?? texts.alerts.system}</p>
        <Form onSend={create} send={texts.alerts.silence}>
          <div className="fields">
            <Field label={texts.alerts.rule} hint={texts.alerts.anyRule}>
              {(id) => <input id={id} name="rule" />}
            </Field>
            <Field label={texts.start.labels}>{(id) => <input id={id} name="labels" />}</Field>
            <Field label={texts.alerts.hours}>
              {(id) => (
                <select id={id} name="hours">
                  {HOURS.map((each) => (
                    <option key={each}>{each}</option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={texts.alerts.comment}>{(id) => <input id={id} name="comment" required />}</Field>
          </div>
        </Form>
      </section>
      <Answered query={silences}>
        {({ items }) => (
          <DataTable
            label={texts.alerts.parts.silences}
            className="panel"
            columns={columnsFor((silence) => void end(silence))}
            rows={items}
            keyOf={(each) => each.id}
          />
        )}
      </Answered>
    </div>
  );
}

function columnsFor(onEnd: (silence: string) => void): Omit<Column<Silence>, "width">[] {
  return [
    { key: "rule", title: texts.alerts.rule, cell: (each) => each.rule ?? texts.alerts.anyRule },
    { key: "labels", title: texts.workflows.labels, cell: (each) => labelsOf(each.labels) },
    { key: "project", title: texts.workflows.project, cell: (each) => each.project ?? texts.alerts.system },
    { key: "ends", title: texts.account.expires, cell: (each) => <Time at={each.ends_at} /> },
    { key: "comment", title: texts.alerts.comment, cell: (each) => each.comment },
    { key: "by", title: texts.administration.actor, cell: (each) => each.created_by },
    {
      key: "end",
      title: <ActsHead>{texts.account.end}</ActsHead>,
      cell: (each) => (
        <button type="button" onClick={() => onEnd(each.id)}>
          {texts.account.end}
        </button>
      ),
    },
  ];
}
