import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { defined } from "../search";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { ErrorNote } from "../ui/notes";
import { Secret } from "../ui/secret";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { toast } from "../ui/toasts";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";

type User = Schemas["UserBody"];

/** Who may sign in. */
export function Users() {
  const { text } = useSearch({ from: "/administration" });
  const navigate = useNavigate();
  const [password, setPassword] = useState<Schemas["InitialPasswordBody"]>();
  const users = usePages<User>(["users", text], (cursor, signal) =>
    client.GET("/v1/users", { params: { query: defined({ limit: 200, text, ...cursor }) }, signal }),
  );
  const act = async (what: () => Promise<unknown>) => {
    try {
      await what();
      users.retry();
      toast.done(texts.account.saved);
    } catch (error) {
      toast.problem(error);
    }
  };
  const create = async (form: FormData) => {
    const answer = await client.POST("/v1/users", {
      body: {
        login: said(form, "login"),
        display_name: said(form, "display_name"),
        ...(said(form, "email") ? { email: said(form, "email") } : {}),
        is_system_administrator: form.has("is_system_administrator"),
      },
    });
    setPassword(answer.data);
    users.retry();
  };
  return (
    <div className="stack">
      <input
        type="search"
        data-filter
        aria-label={texts.administration.findUsers}
        placeholder={texts.administration.findUsers}
        defaultValue={text}
        onChange={(event) =>
          void navigate({
            to: "/administration",
            search: defined({ part: "users" as const, text: event.target.value || undefined }),
            replace: true,
          })
        }
      />
      {password && <Secret name={texts.administration.initialPassword(password.login)} value={password.password} />}
      {users.error !== null && <ErrorNote error={users.error} retry={users.retry} />}
      <VirtualTable
        label={texts.administration.users}
        columns={columnsFor(
          (user) => void act(() => put(user)),
          (user) => void act(async () => setPassword(await reset(user))),
          (user) => void act(() => endAll(user)),
        )}
        rows={users.rows}
        keyOf={(user) => user.id}
        hasMore={users.hasMore}
        onEnd={users.more}
      />
      <details className="panel">
        <summary>{texts.administration.newUser}</summary>
        <Form onSend={create} send={texts.verbs.add}>
          <div className="fields">
            <Field label={texts.signIn.login}>{(id) => <input id={id} name="login" required />}</Field>
            <Field label={texts.account.displayName}>{(id) => <input id={id} name="display_name" />}</Field>
            <Field label={texts.account.email}>{(id) => <input id={id} name="email" type="email" />}</Field>
          </div>
          <label className="row">
            <input type="checkbox" name="is_system_administrator" /> {texts.account.systemAdministrator}
          </label>
        </Form>
      </details>
    </div>
  );
}

async function put(user: User): Promise<void> {
  const { display_name, email, is_system_administrator } = user;
  await client.PUT("/v1/users/{user}", {
    params: { path: { user: user.id } },
    body: { display_name, email: email ?? null, is_system_administrator, is_disabled: !user.is_disabled },
  });
}

async function reset(user: User) {
  return (await client.POST("/v1/users/{user}/password-reset", { params: { path: { user: user.id } } })).data;
}

async function endAll(user: User): Promise<void> {
  await client.DELETE("/v1/users/{user}/sessions", { params: { path: { user: user.id } } });
}

type Act = (user: User) => void;

function columnsFor(onToggle: Act, onReset: Act, onEnd: Act): Column<User>[] {
  return [
    { key: "login", title: texts.signIn.login, width: "12rem", cell: (user) => user.login },
    { key: "name", title: texts.account.displayName, width: "minmax(10rem, 1fr)", cell: (user) => user.display_name },
    { key: "email", title: texts.account.email, width: "minmax(10rem, 1fr)", cell: (user) => user.email },
    {
      key: "state",
      title: texts.workflows.status,
      width: "11rem",
      cell: (user) => (
        <Status
          status={user.is_disabled ? "cancelled" : "ok"}
          label={
            user.is_disabled
              ? texts.administration.disabled
              : user.is_system_administrator
                ? texts.account.systemAdministrator
                : texts.administration.active
          }
        />
      ),
    },
    { key: "factor", title: texts.account.secondFactor, width: "8rem", cell: (user) => (user.has_totp ? "✓" : "–") },
    { key: "seen", title: texts.account.lastSeen, width: "10rem", cell: (user) => <Time at={user.last_login_at} /> },
    {
      key: "acts",
      title: texts.administration.acts,
      width: "minmax(24rem, auto)",
      cell: (user) => (
        <span className="row">
          <button type="button" onClick={() => onReset(user)}>
            {texts.administration.resetPassword}
          </button>
          <button type="button" onClick={() => onEnd(user)}>
            {texts.administration.endSessions}
          </button>
          <button type="button" className="danger" onClick={() => onToggle(user)}>
            {user.is_disabled ? texts.administration.enable : texts.administration.disable}
          </button>
        </span>
      ),
    },
  ];
}
