import { api, client, type Schemas } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered, Empty } from "../ui/notes";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";
import { SEVERITIES } from "./search";

type Channel = Schemas["ChannelBody"];
type Kind = NonNullable<Schemas["ChannelSpec"]["kind"]>;

const KINDS: Kind[] = ["message", "alertmanager"];

function placeOf(project: string | null | undefined): { project: string } | { system: true } {
  return project ? { project } : { system: true };
}

/** Who is told. */
export function Channels() {
  const project = useProject();
  const channels = api.useQuery("get", "/v1/alerts/channels", { params: { query: { limit: 200, ...project } } });
  const create = async (form: FormData) => {
    const params = { path: { name: said(form, "name") }, query: placeOf(project.project) };
    const severity = said(form, "severity") as Schemas["Severity"];
    const body = { url: said(form, "url"), kind: said(form, "kind") as Kind, severity };
    await client.PUT("/v1/alerts/channels/{name}", { params, body });
    await channels.refetch();
  };
  return (
    <div className="stack">
      <section className="panel">
        <h2>{texts.alerts.newChannel}</h2>
        <p className="quiet">{texts.alerts.channelWhy}</p>
        <Form onSend={create} send={texts.verbs.add}>
          <div className="fields">
            <Field label={texts.workflows.name}>{(id) => <input id={id} name="name" required />}</Field>
            <Field label={texts.alerts.url} hint={texts.alerts.urlHint}>
              {(id) => <input id={id} name="url" required autoComplete="off" />}
            </Field>
            <Field label={texts.alerts.gets}>
              {(id) => (
                <select id={id} name="kind" defaultValue="message">
                  {KINDS.map((each) => (
                    <option key={each} value={each}>
                      {texts.alerts.kinds[each]}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={texts.alerts.fromSeverity}>
              {(id) => (
                <select id={id} name="severity" defaultValue="warning">
                  {SEVERITIES.map((each) => (
                    <option key={each}>{each}</option>
                  ))}
                </select>
              )}
            </Field>
          </div>
        </Form>
      </section>
      <Answered query={channels}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{texts.alerts.noChannel}</Empty>
          ) : (
            items.map((each) => <ChannelPanel key={each.id} channel={each} onChanged={() => void channels.refetch()} />)
          )
        }
      </Answered>
    </div>
  );
}

function ChannelPanel({ channel, onChanged }: { channel: Channel; onChanged: () => void }) {
  const params = { path: { name: channel.name }, query: placeOf(channel.project) };
  const deliveries = api.useQuery("get", "/v1/alerts/channels/{name}/deliveries", {
    params: { ...params, query: { ...params.query, limit: 20 } },
  });
  const act = async (what: () => Promise<unknown>) => {
    try {
      await what();
    } catch (error) {
      toast.problem(error);
    }
  };
  const test = () =>
    act(async () => {
      const { data } = await client.POST("/v1/alerts/channels/{name}/test", { params });
      if (data?.is_delivered) toast.done(texts.alerts.delivered);
      else toast.problem(new Error(data?.error ?? texts.alerts.notDelivered));
    });
  const drop = () =>
    act(async () => {
      await client.DELETE("/v1/alerts/channels/{name}", { params });
      onChanged();
    });
  return (
    <section className="panel">
      <div className="row between">
        <h2>
          {channel.name} <span className="quiet small">{channel.project ?? texts.alerts.system}</span>
        </h2>
        <div className="row">
          <button type="button" onClick={() => void test()}>
            {texts.alerts.test}
          </button>
          <button type="button" className="danger" onClick={() => void drop()}>
            {texts.verbs.delete}
          </button>
        </div>
      </div>
      <details>
        <summary>{texts.alerts.deliveries}</summary>
        <ul>
          {(deliveries.data?.items ?? []).map((each) => (
            <li key={each.id}>
              <Time at={each.delivered_at ?? each.created_at} /> {each.title}{" "}
              {!each.delivered_at && <span className="quiet">{each.error || texts.alerts.due}</span>}
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}
