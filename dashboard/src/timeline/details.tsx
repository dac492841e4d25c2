import { Link } from "@tanstack/react-router";
import { api } from "../api/client";
import { duration } from "../formats/numbers";
import { texts } from "../texts";
import { Answered } from "../ui/notes";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { CachedOr } from "./facts";
import { type Model, taskAt } from "./model";
import { STATES } from "./states";

interface DetailsProps {
  id: string;
  model: Model;
  slot: number;
  origin: number;
  onPick: (slot: number | undefined) => void;
  onShow: (slot: number) => void;
}

/** The task that is chosen: when it ran, its other attempts, what it wrote, and where to look further. */
export function Details({ id, model, slot, origin, onPick, onShow }: DetailsProps) {
  const { spans, arrangement, ready, steps } = model;
  const at = arrangement.spans[slot] as number;
  const [start, took] = [spans.start[at] as number, spans.took[at] as number];
  const step = steps[spans.step[at] as number] ?? "";
  const partition = spans.partition[at] as number;
  const worker = spans.workers[spans.worker[at] as number] ?? "";
  const waited = start - (ready[at] as number);
  return (
    <section className="panel" aria-label={texts.timeline.chosen}>
      <div className="row between">
        <div className="row">
          <StateOf state={spans.state[at] as number} />
          <h2>
            {step} / {partition}
          </h2>
          <span className="quiet">{texts.timeline.attempt(spans.attempt[at] as number)}</span>
        </div>
        <div className="row">
          <button type="button" onClick={() => onShow(slot)}>
            {texts.timeline.zoomTo}
          </button>
          <button type="button" className="plain" aria-label={texts.verbs.close} onClick={() => onPick(undefined)}>
            ✕
          </button>
        </div>
      </div>
      <div className="tiles">
        <dl className="facts">
          <dt>{texts.workflow.began}</dt>
          <dd>
            <Time at={new Date(origin + start * 1000).toISOString()} />
          </dd>
          <dt>{texts.workflows.took}</dt>
          <dd>{took < 0 ? texts.timeline.clocks(duration(took)) : duration(took)}</dd>
          <dt>{texts.timeline.waiting}</dt>
          <dd>{waited > 0 ? duration(waited) : "–"}</dd>
          <dt>{texts.workflow.worker}</dt>
          <dd className="mono">{worker}</dd>
        </dl>
        <div className="stack">
          <Attempts model={model} at={at} onPick={onPick} />
          <div className="row">
            <Link to="/workflows/$workflow/tasks" params={{ workflow: id }} search={{ step }}>
              {texts.timeline.tasksOf}
            </Link>
            <Link to="/workflows/$workflow/attempts" params={{ workflow: id }} search={{ step, worker }}>
              {texts.timeline.attemptsOf}
            </Link>
            <Link to="/workflows/$workflow/results" params={{ workflow: id }} search={{ step, partition }}>
              {texts.workflow.tabs.results}
            </Link>
          </div>
        </div>
      </div>
      <Logs id={id} step={step} partition={partition} />
    </section>
  );
}

function StateOf({ state }: { state: number }) {
  const name = STATES[state] ?? "failed";
  return (
    <CachedOr state={name}>
      <Status status={name} />
    </CachedOr>
  );
}

/** All attempts of the same task, each of which can be chosen. */
function Attempts({ model, at, onPick }: { model: Model; at: number; onPick: (slot: number) => void }) {
  const { spans, arrangement } = model;
  const slots: number[] = [];
  for (let each = 0; each < spans.count; each++) {
    const isSame = spans.partition[each] === spans.partition[at] && spans.step[each] === spans.step[at];
    if (isSame && (arrangement.slots[each] as number) >= 0) slots.push(arrangement.slots[each] as number);
  }
  const attemptOf = (slot: number) => spans.attempt[arrangement.spans[slot] as number] as number;
  slots.sort((one, other) => attemptOf(one) - attemptOf(other));
  return (
    <div className="row" role="group" aria-label={texts.timeline.attempts}>
      {slots.map((slot) => (
        <button
          key={taskAt(model, slot)}
          type="button"
          aria-pressed={slot === arrangement.slots[at]}
          onClick={() => onPick(slot)}
        >
          {texts.timeline.attempt(attemptOf(slot))}
          <StateOf state={arrangement.state[slot] as number} />
        </button>
      ))}
    </div>
  );
}

function Logs({ id, step, partition }: { id: string; step: string; partition: number }) {
  const params = { path: { workflow: id }, query: { step, partition, limit: 100 } };
  const logs = api.useQuery("get", "/v1/workflows/{workflow}/logs", { params });
  return (
    <details>
      <summary>{texts.timeline.logsOf}</summary>
      <Answered query={logs}>
        {(page) =>
          page.items.length === 0 ? (
            <p className="quiet">{texts.workflow.noLogs}</p>
          ) : (
            <pre>{page.items.map((line) => `${line.level.padEnd(8)} ${line.message}`).join("\n")}</pre>
          )
        }
      </Answered>
    </details>
  );
}
