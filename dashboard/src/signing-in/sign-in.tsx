import { useState } from "react";
import { client, ROOT } from "../api/client";
import { Problem } from "../api/problem";
import { queries } from "../api/queries";
import mark from "../shell/mark.svg";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import "./signing-in.css";

const HAS_PROVIDER = document.documentElement.dataset.identityProvider === "yes";

/** Signs in with a cookie that scripts cannot read; asks for a second factor once the password holds. */
export function SignIn() {
  const [error, setError] = useState<unknown>(null);
  const [needsCode, setNeedsCode] = useState(false);
  const [isBusy, setIsBusy] = useState(false);

  async function signIn(form: FormData) {
    setIsBusy(true);
    try {
      const code = String(form.get("code") ?? "");
      const body = { login: String(form.get("login")), password: String(form.get("password")), cookie: true };
      await client.POST("/v1/auth/login", { body: code ? { ...body, code } : body });
      setError(null);
      await queries.resetQueries();
    } catch (caught) {
      const isHalfWay = caught instanceof Problem && caught.type === "second-factor-needed";
      setNeedsCode(needsCode || isHalfWay);
      setError(isHalfWay && !needsCode ? null : caught);
    } finally {
      setIsBusy(false);
    }
  }

  return (
    <main className="signing-in">
      <form
        className="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn(new FormData(event.currentTarget));
        }}
      >
        <img src={mark} alt="" width="40" height="40" />
        <h1>{texts.signIn.title}</h1>
        {!window.isSecureContext && <p className="note note-bad">{texts.signIn.insecure}</p>}
        <Field label={texts.signIn.login}>
          {(id) => <input id={id} name="login" autoComplete="username" required autoCapitalize="none" />}
        </Field>
        <Field label={texts.signIn.password}>
          {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required />}
        </Field>
        {needsCode && (
          <Field label={texts.signIn.code}>
            {(id) => (
              // biome-ignore lint/a11y/noAutofocus: the code is all that is missing.
              <input id={id} name="code" autoComplete="one-time-code" required autoFocus />
            )}
          </Field>
        )}
        {error !== null && <ErrorNote error={error} />}
        <button type="submit" className="main" disabled={isBusy}>
          {texts.signIn.submit}
        </button>
        {HAS_PROVIDER && (
          <a className="button" href={`${ROOT}/v1/auth/oidc`}>
            {texts.signIn.provider}
          </a>
        )}
        <p className="quiet small">{texts.signIn.first}</p>
      </form>
    </main>
  );
}
