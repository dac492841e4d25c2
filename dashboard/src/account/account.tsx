import { api, client } from "../api/client";
import { queries } from "../api/queries";
import { useSession } from "../shell/session";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { toast } from "../ui/toasts";
import { Invitation } from "./invitation";
import { Keys } from "./keys";
import { Notifications } from "./notifications";
import { SecondFactor } from "./second-factor";
import { Sessions } from "./sessions";

/** Everything about whoever is signed in. */
export function Account() {
  const session = useSession();
  if (session.state !== "signed-in") return null;
  return (
    <>
      <h1>{texts.pages.settings}</h1>
      <div className="tiles">
        <Profile />
        <Password />
        <SecondFactor profile={session.profile} />
        <Invitation />
        <Notifications />
      </div>
      <Sessions />
      <Keys profile={session.profile} />
    </>
  );
}

function Profile() {
  const { data: profile } = api.useQuery("get", "/v1/users/profile", {});
  if (profile === undefined) return null;
  const save = async (form: FormData) => {
    const email = said(form, "email");
    const changed = email !== (profile.email ?? "");
    await client.PUT("/v1/users/profile", {
      body: {
        display_name: said(form, "display_name"),
        time_zone: said(form, "time_zone"),
        default_project: said(form, "default_project") || null,
        ...(changed ? { email: email || null, password: said(form, "password") } : {}),
      },
    });
    await queries.invalidateQueries();
    toast.done(texts.account.saved);
  };
  return (
    <section className="panel" key={profile.id}>
      <h2>{texts.account.profile}</h2>
      <p className="quiet">
        {profile.login}
        {profile.is_system_administrator && ` · ${texts.account.systemAdministrator}`}
      </p>
      <Form onSend={save} send={texts.verbs.save}>
        <Field label={texts.account.displayName}>
          {(id) => <input id={id} name="display_name" defaultValue={profile.display_name} />}
        </Field>
        <Field label={texts.account.email} hint={texts.account.emailHint}>
          {(id) => <input id={id} name="email" type="email" defaultValue={profile.email ?? ""} />}
        </Field>
        <Field label={texts.account.presentPassword} hint={texts.account.onlyForEmail}>
          {(id) => <input id={id} name="password" type="password" autoComplete="current-password" />}
        </Field>
        <Field label={texts.account.timeZone}>
          {(id) => (
            <select id={id} name="time_zone" defaultValue={profile.time_zone}>
              {["UTC", ...Intl.supportedValuesOf("timeZone").filter((each) => each !== "UTC")].map((zone) => (
                <option key={zone}>{zone}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label={texts.account.defaultProject}>
          {(id) => (
            <select id={id} name="default_project" defaultValue={profile.default_project ?? ""}>
              <option value="">–</option>
              {Object.keys(profile.roles).map((project) => (
                <option key={project}>{project}</option>
              ))}
            </select>
          )}
        </Field>
      </Form>
    </section>
  );
}

function Password() {
  const change = async (form: FormData) => {
    const chosen = said(form, "chosen");
    if (chosen !== said(form, "again")) throw new Error(texts.signIn.differ);
    const code = said(form, "code");
    const body = { password: said(form, "password"), new_password: chosen, ...(code ? { code } : {}) };
    await client.POST("/v1/users/profile/password", { body });
    toast.done(texts.account.passwordChanged);
  };
  return (
    <section className="panel">
      <h2>{texts.signIn.password}</h2>
      <Form onSend={change} send={texts.verbs.save}>
        <Field label={texts.account.presentPassword}>
          {(id) => <input id={id} name="password" type="password" autoComplete="current-password" required />}
        </Field>
        <Field label={texts.signIn.newPassword} hint={texts.signIn.newPasswordHint}>
          {(id) => <input id={id} name="chosen" type="password" autoComplete="new-password" minLength={8} required />}
        </Field>
        <Field label={texts.signIn.repeat}>
          {(id) => <input id={id} name="again" type="password" autoComplete="new-password" required />}
        </Field>
        <Field label={texts.account.codeIfAny}>
          {(id) => <input id={id} name="code" autoComplete="one-time-code" />}
        </Field>
      </Form>
    </section>
  );
}
