import { useState } from "react";
import { api, client, type Schemas } from "../api/client";
import { texts } from "../texts";
import { ActsHead, DataTable } from "../ui/data-table";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Time } from "../ui/time";
import type { Column } from "../ui/virtual-table";

type Session = Schemas["SessionBody"];

const OTHERS = "others";

/** Where one is signed in; whatever is ended is out at once. */
export function Sessions() {
  const sessions = api.useQuery("get", "/v1/users/sessions", {});
  const [ending, setEnding] = useState<string | null>(null);
  const end = async (form: FormData) => {
    const body = { password: said(form, "password"), ...(said(form, "code") ? { code: said(form, "code") } : {}) };
    if (ending === OTHERS) await client.POST("/v1/users/sessions/end", { body });
    else await client.DELETE("/v1/users/sessions/{session}", { params: { path: { session: String(ending) } }, body });
    setEnding(null);
    await sessions.refetch();
  };
  return (
    <section className="panel">
      <div className="row between">
        <h2>{texts.account.sessions}</h2>
        <button type="button" onClick={() => setEnding(OTHERS)}>
          {texts.account.endOthers}
        </button>
      </div>
      <Answered query={sessions}>
        {({ items }) => (
          <DataTable
            label={texts.account.sessions}
            columns={columnsFor(setEnding)}
            rows={items}
            keyOf={(each) => each.id}
          />
        )}
      </Answered>
      {ending !== null && (
        <Dialog
          title={ending === OTHERS ? texts.account.endOthers : texts.account.endSession}
          onClose={() => setEnding(null)}
        >
          <Form onSend={end} send={texts.account.end} tone="danger">
            <Field label={texts.account.presentPassword}>
              {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required />}
            </Field>
            <Field label={texts.account.codeIfAny}>
              {(id) => <input id={id} name="code" autoComplete="one-time-code" />}
            </Field>
          </Form>
        </Dialog>
      )}
    </section>
  );
}

function columnsFor(onEnd: (session: string) => void): Omit<Column<Session>, "width">[] {
  return [
    {
      key: "browser",
      title: texts.account.browser,
      cell: (each) => (
        <>
          {each.user_agent.slice(0, 120)} {each.is_current && <strong>({texts.account.thisOne})</strong>}
        </>
      ),
    },
    { key: "address", title: texts.account.address, cell: (each) => each.address },
    { key: "seen", title: texts.account.lastSeen, cell: (each) => <Time at={each.last_seen_at} /> },
    { key: "expires", title: texts.account.expires, cell: (each) => <Time at={each.expires_at} /> },
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
