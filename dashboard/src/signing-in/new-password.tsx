import { useState } from "react";
import { client } from "../api/client";
import { queries } from "../api/queries";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import "./signing-in.css";

/** For whoever has signed in with a password that works once. */
export default function NewPassword() {
  const [error, setError] = useState<unknown>(null);

  async function change(form: FormData) {
    const [password, chosen, again] = ["password", "chosen", "again"].map((name) => String(form.get(name)));
    if (chosen !== again) return setError(new Error(texts.signIn.differ));
    try {
      await client.POST("/v1/users/profile/password", {
        body: { password: password ?? "", new_password: chosen ?? "" },
      });
      await queries.resetQueries();
    } catch (caught) {
      setError(caught);
    }
  }

  return (
    <main className="signing-in">
      <form
        className="panel"
        onSubmit={(event) => {
          event.preventDefault();
          void change(new FormData(event.currentTarget));
        }}
      >
        <h1>{texts.signIn.mustChange}</h1>
        <p className="quiet">{texts.signIn.mustChangeWhy}</p>
        <Field label={texts.signIn.password}>
          {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required />}
        </Field>
        <Field label={texts.signIn.newPassword} hint={texts.signIn.newPasswordHint}>
          {(id) => <input id={id} name="chosen" type="password" autoComplete="new-password" minLength={8} required />}
        </Field>
        <Field label={texts.signIn.repeat}>
          {(id) => <input id={id} name="again" type="password" autoComplete="new-password" required />}
        </Field>
        {error !== null && <ErrorNote error={error} />}
        <button type="submit" className="main">
          {texts.verbs.save}
        </button>
      </form>
    </main>
  );
}
