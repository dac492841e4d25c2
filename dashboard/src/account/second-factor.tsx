import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { queries } from "../api/queries";
import type { Profile } from "../shell/session";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Secret } from "../ui/secret";
import { toast } from "../ui/toasts";
import { QrCode } from "./qr-code";

/** Set up, confirmed, renewed and removed. */
export function SecondFactor({ profile }: { profile: Profile }) {
  const [codes, setCodes] = useState<string[]>();
  return (
    <section className="panel">
      <h2>{texts.account.secondFactor}</h2>
      {codes && <Secret name={texts.account.recoveryCodes} value={codes.join(" ")} />}
      {profile.has_totp ? <Installed onCodes={setCodes} /> : <SetUp onCodes={setCodes} />}
    </section>
  );
}

type OnCodes = (codes: string[]) => void;

function SetUp({ onCodes }: { onCodes: OnCodes }) {
  const [proposed, setProposed] = useState<Schemas["SecretBody"]>();
  const propose = async (form: FormData) => {
    const answer = await client.POST("/v1/users/profile/totp", { body: { password: said(form, "password") } });
    setProposed(answer.data);
  };
  const confirm = async (form: FormData) => {
    const answer = await client.POST("/v1/users/profile/totp/confirm", { body: { code: said(form, "code") } });
    onCodes(answer.data?.codes ?? []);
    await queries.invalidateQueries();
  };
  if (proposed === undefined) {
    return (
      <>
        <p className="quiet">{texts.account.secondFactorWhy}</p>
        <Form onSend={propose} send={texts.account.setUp}>
          <Field label={texts.account.presentPassword}>
            {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required />}
          </Field>
        </Form>
      </>
    );
  }
  return (
    <>
      <p>{texts.account.enterSecret}</p>
      <QrCode text={proposed.address} label={texts.account.qrCode} />
      <Secret name={texts.account.secret} value={proposed.secret} />
      <a href={proposed.address}>{texts.account.openApp}</a>
      <Form onSend={confirm} send={texts.verbs.confirm}>
        <Field label={texts.account.code}>
          {(id) => <input id={id} name="code" autoComplete="one-time-code" inputMode="numeric" required />}
        </Field>
      </Form>
    </>
  );
}

function Installed({ onCodes }: { onCodes: OnCodes }) {
  const proof = (form: FormData) => ({ password: said(form, "password"), code: said(form, "code") });
  const renew = async (form: FormData) => {
    const answer = await client.POST("/v1/users/profile/recovery-codes", { body: proof(form) });
    onCodes(answer.data?.codes ?? []);
  };
  const remove = async (form: FormData) => {
    await client.DELETE("/v1/users/profile/totp", { body: proof(form) });
    await queries.invalidateQueries();
    toast.done(texts.account.removed);
  };
  const fields = (
    <>
      <Field label={texts.account.presentPassword}>
        {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required />}
      </Field>
      <Field label={texts.signIn.code}>
        {(id) => <input id={id} name="code" autoComplete="one-time-code" required />}
      </Field>
    </>
  );
  return (
    <>
      <p>{texts.account.secondFactorIsOn}</p>
      <details>
        <summary>{texts.account.renewCodes}</summary>
        <Form onSend={renew} send={texts.account.renewCodes}>
          {fields}
        </Form>
      </details>
      <details>
        <summary>{texts.account.removeFactor}</summary>
        <Form onSend={remove} send={texts.account.removeFactor} tone="danger">
          {fields}
        </Form>
      </details>
    </>
  );
}
