import { useState } from "react";
import { client, type Schemas } from "../api/client";
import { queries } from "../api/queries";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import { Status } from "../ui/status";
import type { Filters, Workflow } from "./use-workflows";
import { applies, VERBS, type Verb } from "./verbs";

type Answer = Schemas["AnswerBody"];

interface BulkBarProps {
  rows: readonly Workflow[];
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  filters: Filters;
}

/** Steers many workflows at once: those that are ticked. */
export function BulkBar({ rows, selected, onSelect }: BulkBarProps) {
  const [verb, setVerb] = useState<Verb | null>(null);
  const chosen = rows.filter((row) => selected.has(row.id));
  return (
    <div className="bulk row">
      <label className="row">
        <input
          type="checkbox"
          checked={rows.length > 0 && chosen.length === rows.length}
          onChange={() => onSelect(new Set(chosen.length === rows.length ? [] : rows.map((row) => row.id)))}
        />
        {texts.workflows.selectLoaded}
      </label>
      <span className="quiet">{chosen.length > 0 && texts.workflows.selected(chosen.length)}</span>
      {VERBS.map((each) => (
        <button
          key={each}
          type="button"
          disabled={!chosen.some((row) => applies(each, row.status))}
          onClick={() => setVerb(each)}
        >
          {texts.workflows[each]}
        </button>
      ))}
      {verb && <BulkDialog verb={verb} chosen={chosen} onClose={() => setVerb(null)} />}
    </div>
  );
}

const MOST_AT_ONCE = 10_000;

async function send(verb: Verb, ids: string[], why: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let first = 0; first < ids.length; first += MOST_AT_ONCE) {
    const body = { ids: ids.slice(first, first + MOST_AT_ONCE), why };
    const answer = await client.POST(`/v1/workflows/${verb}`, { body });
    answers.push(...(answer.data?.answers ?? []));
  }
  return answers;
}

interface BulkDialogProps {
  verb: Verb;
  chosen: readonly Workflow[];
  onClose: () => void;
}

/** Shows what a request concerns before it is sent, and the answer of each workflow after it. */
function BulkDialog({ verb, chosen, onClose }: BulkDialogProps) {
  const [why, setWhy] = useState("");
  const [answers, setAnswers] = useState<Answer[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const concerned = chosen.filter((row) => applies(verb, row.status));
  const confirm = async () => {
    setIsBusy(true);
    try {
      setAnswers(
        await send(
          verb,
          concerned.map((row) => row.id),
          why,
        ),
      );
      await queries.invalidateQueries();
    } catch (caught) {
      setError(caught);
    } finally {
      setIsBusy(false);
    }
  };
  const refused = answers?.filter((each) => each.refusal).length ?? 0;
  return (
    <Dialog
      title={texts.workflows.bulkTitle(texts.workflows[verb], texts.workflows.count(concerned.length, false))}
      onClose={onClose}
    >
      {answers === null ? (
        <>
          <p>{texts.workflows.bulkConcerns}</p>
          <ul className="scrolls concerned">
            {concerned.slice(0, 100).map((row) => (
              <li key={row.id}>
                {row.name} <Status status={row.status} />
              </li>
            ))}
          </ul>
          <Field label={texts.workflows.why}>
            {(id) => <input id={id} value={why} onChange={(event) => setWhy(event.target.value)} />}
          </Field>
          {error !== null && <ErrorNote error={error} />}
          <div className="row">
            <button type="button" className="main" disabled={isBusy} onClick={() => void confirm()}>
              {texts.workflows[verb]}
            </button>
            <button type="button" onClick={onClose}>
              {texts.verbs.back}
            </button>
          </div>
        </>
      ) : (
        <>
          <p role="status">{texts.workflows.bulkDone(answers.length - refused, refused)}</p>
          <ul className="scrolls concerned">
            {answers.map((each) => (
              <li key={each.id}>
                {each.name}{" "}
                {each.refusal ? (
                  <span className="quiet">{each.refusal}</span>
                ) : (
                  each.status && <Status status={each.status} />
                )}
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
