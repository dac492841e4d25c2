import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import { queries } from "../api/queries";
import { hasRole, type Profile } from "../shell/session";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Secret } from "../ui/secret";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";

const ROLES = ["observer", "viewer", "operator", "developer", "administrator"] as const;
type Role = Schemas["Role"];

/** Projects, and who works for each. */
export function Projects({ profile }: { profile: Profile }) {
  const projects = api.useQuery("get", "/v1/projects", {});
  const create = async (form: FormData) => {
    await client.POST("/v1/projects", { body: { name: said(form, "name"), title: said(form, "title") } });
    await queries.invalidateQueries();
  };
  return (
    <div className="stack">
      <Answered query={projects}>
        {({ items }) =>
          items
            .filter((each) => hasRole(profile, "administrator", each.name))
            .map((each) => (
              <details key={each.name} className="panel">
                <summary>
                  <strong>{each.name}</strong> {each.title}
                </summary>
                <Project name={each.name} isSystem={profile.is_system_administrator} />
              </details>
            ))
        }
      </Answered>
      {profile.is_system_administrator && (
        <details className="panel">
          <summary>{texts.administration.newProject}</summary>
          <Form onSend={create} send={texts.verbs.add}>
            <div className="fields">
              <Field label={texts.workflows.name}>{(id) => <input id={id} name="name" required />}</Field>
              <Field label={texts.administration.projectTitle}>{(id) => <input id={id} name="title" />}</Field>
            </div>
          </Form>
        </details>
      )}
    </div>
  );
}

async function quietly(what: () => Promise<unknown>): Promise<void> {
  try {
    await what();
    await queries.invalidateQueries();
    toast.done(texts.account.saved);
  } catch (error) {
    toast.problem(error);
  }
}

function Project({ name, isSystem }: { name: string; isSystem: boolean }) {
  const path = { project: name };
  const members = api.useQuery("get", "/v1/projects/{project}/members", { params: { path, query: { limit: 200 } } });
  const change = (user: string, role: Role) =>
    quietly(() =>
      client.PUT("/v1/projects/{project}/members/{user}", { params: { path: { ...path, user } }, body: { role } }),
    );
  const drop = (user: string) =>
    quietly(() => client.DELETE("/v1/projects/{project}/members/{user}", { params: { path: { ...path, user } } }));
  return (
    <div className="stack">
      <Answered query={members}>
        {({ items }) => (
          <table>
            <thead>
              <tr>
                <th>{texts.administration.member}</th>
                <th>{texts.administration.role}</th>
                <th>
                  <span className="only-read-aloud">{texts.administration.acts}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((member) => (
                <tr key={member.user_id}>
                  <td>
                    {member.display_name || member.login} <span className="quiet">{member.login}</span>
                  </td>
                  <td>
                    <RoleChoice
                      value={member.role}
                      label={member.login}
                      onChange={(role) => void change(member.user_id, role)}
                    />
                  </td>
                  <td>
                    <button type="button" className="danger" onClick={() => void drop(member.user_id)}>
                      {texts.administration.dropMember}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Answered>
      {isSystem && <AddMember project={name} onAdd={change} />}
      <Invitations project={name} />
      {isSystem && (
        <div className="row">
          <button
            type="button"
            className="danger"
            onClick={() => void quietly(() => client.DELETE("/v1/projects/{project}", { params: { path } }))}
          >
            {texts.administration.dropProject}
          </button>
        </div>
      )}
    </div>
  );
}

interface RoleChoiceProps {
  value: Role;
  label: string;
  onChange: (role: Role) => void;
}

function RoleChoice({ value, label, onChange }: RoleChoiceProps) {
  return (
    <select
      aria-label={`${texts.administration.role}: ${label}`}
      value={value}
      onChange={(event) => onChange(event.target.value as Role)}
    >
      {ROLES.map((role) => (
        <option key={role}>{role}</option>
      ))}
    </select>
  );
}

function AddMember({ project, onAdd }: { project: string; onAdd: (user: string, role: Role) => Promise<void> }) {
  const add = async (form: FormData) => {
    const found = await client.GET("/v1/users", { params: { query: { text: said(form, "login"), limit: 20 } } });
    const user = found.data?.items.find((each) => each.login === said(form, "login"));
    if (user === undefined) throw new Error(texts.administration.noSuchUser(said(form, "login")));
    await onAdd(user.id, said(form, "role") as Role);
  };
  return (
    <Form onSend={add} send={texts.administration.addMember}>
      <div className="fields">
        <Field label={texts.signIn.login}>
          {(id) => <input id={id} name="login" required aria-label={`${texts.signIn.login}, ${project}`} />}
        </Field>
        <RoleField />
      </div>
    </Form>
  );
}

function RoleField() {
  return (
    <Field label={texts.administration.role}>
      {(id) => (
        <select id={id} name="role">
          {ROLES.map((role) => (
            <option key={role}>{role}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Invitations({ project }: { project: string }) {
  const path = { project };
  const invitations = api.useQuery("get", "/v1/projects/{project}/invitations", { params: { path } });
  const [made, setMade] = useState<Schemas["ShownInvitationBody"]>();
  const invite = async (form: FormData) => {
    const body = { role: said(form, "role") as Role };
    setMade((await client.POST("/v1/projects/{project}/invitations", { params: { path }, body })).data);
    await invitations.refetch();
  };
  const withdraw = (invitation: string) =>
    quietly(() =>
      client.DELETE("/v1/projects/{project}/invitations/{invitation}", { params: { path: { ...path, invitation } } }),
    );
  return (
    <>
      <h3>{texts.administration.invitations}</h3>
      {made && <Secret name={texts.administration.invitationFor(made.role)} value={made.token} />}
      <ul>
        {(invitations.data?.items ?? []).map((each) => (
          <li key={each.id}>
            {each.role}, {each.created_by}, <Time at={each.expires_at} />{" "}
            <button type="button" className="plain" onClick={() => void withdraw(each.id)}>
              {texts.administration.withdraw}
            </button>
          </li>
        ))}
      </ul>
      <Form onSend={invite} send={texts.administration.invite} className="row">
        <RoleField />
      </Form>
    </>
  );
}
