import { useState } from "react";
import { api, client } from "../api/client";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Time } from "../ui/time";

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
          <Scrolls label={texts.account.sessions}>
            <table>
              <thead>
                <tr>
                  <th>{texts.account.browser}</th>
                  <th>{texts.account.address}</th>
                  <th>{texts.account.lastSeen}</th>
                  <th>{texts.account.expires}</th>
                  <th>
                    <span className="only-read-aloud">{texts.account.end}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.id}>
                    <td>
                      {each.user_agent.slice(0, 120)} {each.is_current && <strong>({texts.account.thisOne})</strong>}
                    </td>
                    <td>{each.address}</td>
                    <td>
                      <Time at={each.last_seen_at} />
                    </td>
                    <td>
                      <Time at={each.expires_at} />
                    </td>
                    <td>
                      <button type="button" onClick={() => setEnding(each.id)}>
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
