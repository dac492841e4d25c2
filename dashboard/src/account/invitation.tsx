import { client } from "../api/client";
import { queries } from "../api/queries";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { toast } from "../ui/toasts";

/** Takes up an invitation to a project. */
export function Invitation() {
  const accept = async (form: FormData) => {
    const answer = await client.POST("/v1/invitations/accept", { body: { token: said(form, "token") } });
    await queries.invalidateQueries();
    toast.done(texts.account.joined(answer.data?.project ?? ""));
  };
  return (
    <section className="panel">
      <h2>{texts.account.invitation}</h2>
      <p className="quiet">{texts.account.invitationWhy}</p>
      <Form onSend={accept} send={texts.account.accept}>
        <Field label={texts.account.token}>{(id) => <input id={id} name="token" required autoComplete="off" />}</Field>
      </Form>
    </section>
  );
}
