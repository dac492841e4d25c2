import { api, client } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";
import { labelsFrom } from "../workflow/priority";
import { labelsOf } from "../workflows/columns";

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
          <Scrolls label={texts.alerts.parts.silences} className="panel">
            <table>
              <thead>
                <tr>
                  <th>{texts.alerts.rule}</th>
                  <th>{texts.workflows.labels}</th>
                  <th>{texts.workflows.project}</th>
                  <th>{texts.account.expires}</th>
                  <th>{texts.alerts.comment}</th>
                  <th>{texts.administration.actor}</th>
                  <th>
                    <span className="only-read-aloud">{texts.account.end}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.id}>
                    <td>{each.rule ?? texts.alerts.anyRule}</td>
                    <td>{labelsOf(each.labels)}</td>
                    <td>{each.project ?? texts.alerts.system}</td>
                    <td>
                      <Time at={each.ends_at} />
                    </td>
                    <td>{each.comment}</td>
                    <td>{each.created_by}</td>
                    <td>
                      <button type="button" onClick={() => void end(each.id)}>
                        {texts.account.end}
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrolls>
        )}
      </Answered>
    </div>
  );
}
