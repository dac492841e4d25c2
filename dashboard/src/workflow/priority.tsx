import { useState } from "react";
import { client } from "../api/client";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import { toast } from "../ui/toasts";
import { labelsOf } from "../workflows/columns";
import { noteChanged, type WorkflowDetail } from "./use-workflow";

/** `a=1, b=2` as labels; throws for what is none. */
export function labelsFrom(text: string): Record<string, string> {
  const parts = text.split(",").map((each) => each.trim()).filter(Boolean); // biome-ignore format: one line.
  return Object.fromEntries(
    parts.map((part) => {
      const at = part.indexOf("=");
      if (at < 1) throw new Error(`“${part}” is no label; write key=value`);
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
}

/** Changes what can be changed while a workflow is under way. */
export function Priority({ workflow, onClose }: { workflow: WorkflowDetail; onClose: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const save = async (form: FormData) => {
    try {
      const body = {
        priority: Number(form.get("priority")),
        labels: labelsFrom(String(form.get("labels"))),
        why: String(form.get("why")),
      };
      await client.PUT("/v1/workflows/{workflow}", { params: { path: { workflow: workflow.id } }, body });
      await noteChanged(workflow.id);
      toast.done(texts.workflow.updateSaved);
      onClose();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <Dialog title={`${texts.workflow.edit}: ${workflow.name}`} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save(new FormData(event.currentTarget));
        }}
      >
        <Field label={texts.workflow.updatePriority}>
          {(id) => <input id={id} name="priority" type="number" defaultValue={workflow.priority} required />}
        </Field>
        <Field label={texts.start.labels}>
          {(id) => <input id={id} name="labels" defaultValue={labelsOf(workflow.labels)} />}
        </Field>
        <Field label={texts.workflows.why}>{(id) => <input id={id} name="why" />}</Field>
        {error !== null && <ErrorNote error={error} />}
        <div className="row">
          <button type="submit" className="main">
            {texts.verbs.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
