import { type ReactNode, useState } from "react";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Field } from "../ui/field";
import { ErrorNote } from "../ui/notes";
import { Status } from "../ui/status";
import { MOST_SHOWN, type Named, type Tally } from "./tally";
import { useSteering } from "./use-steering";
import type { Filters, Workflow } from "./use-workflows";
import type { Verb } from "./verbs";

interface BulkDialogProps {
  verb: Verb;
  /** Those that are loaded. */
  rows: readonly Workflow[];
  /** What the request concerns, or the filters by which that is still to be found. */
  given: Named | Filters;
  onClose: () => void;
}

/** Shows what a request concerns before it is sent, how far it is, and the answers after it. */
export function BulkDialog({ verb, rows, given, onClose }: BulkDialogProps) {
  const steering = useSteering(verb, given);
  const { named, tally, error } = steering;
  return (
    <Dialog title={titleOf(verb, named, steering.found)} onClose={onClose}>
      {steering.stage === "counting" && <progress aria-label={texts.shell.loading} />}
      {steering.stage === "ready" && named && (
        <Confirm verb={verb} rows={rows} named={named} onConfirm={steering.send} onClose={onClose} />
      )}
      {steering.stage === "asking" && named && (
        <>
          <Progress asked={tally.asked} all={named.ids.length} />
          <div className="row">
            <button type="button" onClick={steering.stop}>
              {texts.workflows.bulkStop}
            </button>
          </div>
        </>
      )}
      {steering.stage === "over" && named && <Outcome named={named} tally={tally} later={steering.later} />}
      {error !== null && <ErrorNote error={error} />}
      {steering.stage === "broken" && (
        <div className="row">
          <button type="button" className="main" onClick={steering.goOn}>
            {texts.workflows.bulkGoOn}
          </button>
          {named && <span className="quiet">{texts.workflows.bulkAsked(tally.asked, named.ids.length)}</span>}
        </div>
      )}
    </Dialog>
  );
}

function titleOf(verb: Verb, named: Named | undefined, found: number): string {
  const name = texts.workflows[verb];
  if (named === undefined) return texts.workflows.bulkCounting(name, texts.workflows.count(found, false));
  return texts.workflows.bulkTitle(name, texts.workflows.count(named.ids.length, false));
}

interface ConfirmProps {
  verb: Verb;
  rows: readonly Workflow[];
  named: Named;
  onConfirm: (why: string) => void;
  onClose: () => void;
}

function Confirm({ verb, rows, named, onConfirm, onClose }: ConfirmProps) {
  const [why, setWhy] = useState("");
  const ids = new Set(named.ids);
  const shown = rows.filter((row) => ids.has(row.id)).slice(0, MOST_SHOWN);
  if (named.ids.length === 0) return <p>{texts.workflows.bulkNone}</p>;
  return (
    <>
      <p>{texts.workflows.bulkConcerns}</p>
      <Counts statuses={named.statuses} />
      <Few count={named.ids.length - shown.length}>
        {shown.map((row) => (
          <li key={row.id}>
            {row.name} <Status status={row.status} />
          </li>
        ))}
      </Few>
      <Field label={texts.workflows.why}>
        {(id) => <input id={id} value={why} maxLength={1000} onChange={(event) => setWhy(event.target.value)} />}
      </Field>
      <div className="row">
        <button type="button" className={verb === "cancel" ? "danger" : "main"} onClick={() => onConfirm(why)}>
          {texts.workflows[verb]}
        </button>
        <button type="button" onClick={onClose}>
          {texts.verbs.back}
        </button>
      </div>
    </>
  );
}

function Progress({ asked, all }: { asked: number; all: number }) {
  const label = texts.workflows.bulkAsked(asked, all);
  return (
    <>
      <p>{label}</p>
      <progress aria-label={label} value={asked} max={all} />
    </>
  );
}

/** What came of it: how many granted it, which refused and why, and what matches now that was not asked. */
function Outcome({ named, tally, later }: { named: Named; tally: Tally; later: number | undefined }) {
  const unasked = named.ids.length - tally.asked;
  return (
    <>
      <p role="status">{texts.workflows.bulkDone(tally.asked - tally.refused, tally.refused)}</p>
      {unasked > 0 && <p>{texts.workflows.bulkStopped(unasked)}</p>}
      {tally.refused > 0 && (
        <>
          {tally.statuses.size > 0 && <p>{texts.workflows.bulkRefused}</p>}
          <Counts statuses={tally.statuses} />
          <Few count={tally.refused - tally.refusals.length}>
            {tally.refusals.map((each) => (
              <li key={each.id}>
                {each.name || each.id} <span className="quiet">{each.refusal}</span>
              </li>
            ))}
          </Few>
        </>
      )}
      {later !== undefined && later > 0 && <p className="note">{texts.workflows.bulkLater(later)}</p>}
    </>
  );
}

function Counts({ statuses }: { statuses: ReadonlyMap<string, number> }) {
  return (
    <p className="row">
      {[...statuses].map(([status, count]) => (
        <span key={status} className="row">
          {texts.workflows.count(count, false)} <Status status={status} />
        </span>
      ))}
    </p>
  );
}

/** The first of a list, and how many more there are. */
function Few({ count, children }: { count: number; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls must be reached by keyboard.
    <ul className="scrolls concerned" tabIndex={0}>
      {children}
      {count > 0 && <li className="quiet">{texts.workflows.bulkMore(count)}</li>}
    </ul>
  );
}
