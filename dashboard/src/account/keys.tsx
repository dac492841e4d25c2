import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import type { Profile } from "../shell/session";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Secret } from "../ui/secret";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";

const DAY_S = 86_400;
const ROLES = ["viewer", "operator", "developer", "administrator"] as const;

/** Keys for programs that run by themselves. */
export function Keys({ profile }: { profile: Profile }) {
  const keys = api.useQuery("get", "/v1/keys", { params: { query: { limit: 200 } } });
  const projects = api.useQuery("get", "/v1/projects", {}, { staleTime: 60_000 });
  const [made, setMade] = useState<Schemas["ShownKeyBody"]>();
  const create = async (form: FormData) => {
    const answer = await client.POST("/v1/keys", {
      params: { query: { project: said(form, "project") } },
      body: {
        name: said(form, "name"),
        role: said(form, "role") as Schemas["Role"],
        expires_in_s: Number(said(form, "days")) * DAY_S,
      },
    });
    setMade(answer.data);
    await keys.refetch();
  };
  const revoke = async (key: string) => {
    try {
      await client.DELETE("/v1/keys/{key}", { params: { path: { key } } });
      await keys.refetch();
    } catch (error) {
      toast.problem(error);
    }
  };
  const names = profile.is_system_administrator
    ? (projects.data?.items ?? []).map((each) => each.name)
    : Object.keys(profile.roles);
  return (
    <section className="panel">
      <h2>{texts.account.keys}</h2>
      <p className="quiet">{texts.account.keysWhy}</p>
      {made && <Secret name={made.name} value={made.key} />}
      <Answered query={keys}>
        {({ items }) => (
          <Scrolls label={texts.account.keys}>
            <table>
              <thead>
                <tr>
                  <th>{texts.workflows.name}</th>
                  <th>{texts.workflows.owner}</th>
                  <th>{texts.workflows.project}</th>
                  <th>{texts.administration.role}</th>
                  <th>{texts.account.begins}</th>
                  <th>{texts.account.lastUsed}</th>
                  <th>{texts.account.expires}</th>
                  <th>
                    <span className="only-read-aloud">{texts.account.revoke}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((key) => (
                  <tr key={key.id}>
                    <td>{key.name}</td>
                    <td>{key.login}</td>
                    <td>{key.project}</td>
                    <td>{key.role}</td>
                    <td className="mono">{key.prefix}…</td>
                    <td>
                      <Time at={key.last_used_at} />
                    </td>
                    <td>
                      <Time at={key.expires_at} />
                    </td>
                    <td>
                      <button type="button" className="danger" onClick={() => void revoke(key.id)}>
                        {texts.account.revoke}
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrolls>
        )}
      </Answered>
      <details>
        <summary>{texts.account.newKey}</summary>
        <Form onSend={create} send={texts.account.newKey}>
          <div className="fields">
            <Field label={texts.workflows.name}>{(id) => <input id={id} name="name" required maxLength={100} />}</Field>
            <Field label={texts.workflows.project}>
              {(id) => (
                <select id={id} name="project">
                  {names.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={texts.administration.role}>
              {(id) => (
                <select id={id} name="role">
                  {ROLES.map((role) => (
                    <option key={role}>{role}</option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={texts.account.days}>
              {(id) => <input id={id} name="days" type="number" min={1} max={365} defaultValue={90} required />}
            </Field>
          </div>
        </Form>
      </details>
    </section>
  );
}
