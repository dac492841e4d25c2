import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { hasRole, useSession } from "../shell/session";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import { toast } from "../ui/toasts";
import { applies, VERBS, type Verb } from "../workflows/verbs";
import { Priority } from "./priority";
import { noteChanged, type WorkflowDetail } from "./use-workflow";

/** What can be asked of this workflow now; the same on every tab. */
export function Controls({ workflow }: { workflow: WorkflowDetail }) {
  const [asked, setAsked] = useState<Verb | "edit" | null>(null);
  const session = useSession();
  const isAllowed = session.state === "signed-in" && hasRole(session.profile, "operator", workflow.project);
  if (!isAllowed) return null;
  const close = () => setAsked(null);
  return (
    <div className="row">
      {VERBS.filter((verb) => applies(verb, workflow.status)).map((verb) => (
        <button key={verb} type="button" className={verb === "cancel" ? "danger" : ""} onClick={() => setAsked(verb)}>
          {texts.workflows[verb]}
        </button>
      ))}
      <button type="button" onClick={() => setAsked("edit")}>
        {texts.workflow.edit}
      </button>
      {asked === "edit" && <Priority workflow={workflow} onClose={close} />}
      {asked !== null && asked !== "edit" && <Ask verb={asked} workflow={workflow} onClose={close} />}
    </div>
  );
}

type Body = Schemas["RequestBody"];

/** Ask one workflow; the requests for many say how it answered as well. */
async function request(verb: Verb, id: string, body: Body): Promise<void> {
  const { data } = await client.POST(`/v1/workflows/${verb}`, { body: { ...body, ids: [id] } });
  const refusal = data?.answers[0]?.refusal;
  if (refusal) throw new Error(refusal);
}

/** Of some verbs, the one that takes them back. */
const UNDONE: Partial<Record<Verb, Verb>> = { pause: "resume", resume: "pause" };

interface AskProps {
  verb: Verb;
  workflow: WorkflowDetail;
  onClose: () => void;
}

/** Asks how and why before a request is sent. */
function Ask({ verb, workflow, onClose }: AskProps) {
  const [error, setError] = useState<unknown>(null);
  const send = async (asked: Verb, body: Body) => {
    await request(asked, workflow.id, body);
    await noteChanged(workflow.id);
  };
  const submit = async (form: FormData) => {
    const body = Object.fromEntries(form) as Body;
    try {
      await send(verb, body);
      onClose();
      const back = UNDONE[verb];
      toast.done(
        `${texts.workflows[verb]}: ${workflow.name}`,
        back && (() => void send(back, {}).catch(toast.problem)),
      );
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Dialog title={texts.workflows.bulkTitle(texts.workflows[verb], workflow.name)} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        {(verb === "pause" || verb === "cancel") && (
          <Field label={texts.workflows.mode}>
            {(id) => (
              <select id={id} name="mode">
                <option value="drain">{texts.workflows.drain}</option>
                <option value="now">{texts.workflows.now}</option>
              </select>
            )}
          </Field>
        )}
        {verb === "pause" && (
          <Field label={texts.workflows.timers}>
            {(id) => (
              <select id={id} name="timers">
                <option value="running">{texts.workflows.timersRunning}</option>
                <option value="frozen">{texts.workflows.timersFrozen}</option>
              </select>
            )}
          </Field>
        )}
        <Field label={texts.workflows.why}>{(id) => <input id={id} name="why" />}</Field>
        {error !== null && <ErrorNote error={error} />}
        <div className="row">
          <button type="submit" className={verb === "cancel" ? "danger" : "main"}>
            {texts.workflows[verb]}
          </button>
          <button type="button" onClick={onClose}>
            {texts.verbs.back}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
