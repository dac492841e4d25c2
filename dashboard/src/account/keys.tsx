import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import type { Profile } from "../shell/session";
import { texts } from "../texts";
import { ActsHead, DataTable } from "../ui/data-table";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Secret } from "../ui/secret";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";
import type { Column } from "../ui/virtual-table";

type Key = Schemas["KeyBody"];

const DAY_S = 86_400;
const ROLES = ["observer", "viewer", "operator", "developer", "administrator"] as const;

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
          <DataTable
            label={texts.account.keys}
            columns={columnsFor((key) => void revoke(key))}
            rows={items}
            keyOf={(key) => key.id}
          />
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

function columnsFor(onRevoke: (key: string) => void): Omit<Column<Key>, "width">[] {
  return [
    { key: "name", title: texts.workflows.name, cell: (key) => key.name },
    { key: "owner", title: texts.workflows.owner, cell: (key) => key.login },
    { key: "project", title: texts.workflows.project, cell: (key) => key.project },
    { key: "role", title: texts.administration.role, cell: (key) => key.role },
    { key: "prefix", title: texts.account.begins, cell: (key) => <span className="mono">{key.prefix}…</span> },
    { key: "used", title: texts.account.lastUsed, cell: (key) => <Time at={key.last_used_at} /> },
    { key: "expires", title: texts.account.expires, cell: (key) => <Time at={key.expires_at} /> },
    {
      key: "revoke",
      title: <ActsHead>{texts.account.revoke}</ActsHead>,
      cell: (key) => (
        <button type="button" className="danger" onClick={() => onRevoke(key.id)}>
          {texts.account.revoke}
        </button>
      ),
    },
  ];
}
