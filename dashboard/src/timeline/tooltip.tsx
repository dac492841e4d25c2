import { duration } from "../formats/numbers";
import { clock, type Zone } from "../formats/times";
import { texts } from "../texts";
import { Status } from "../ui/status";
import { CachedOr } from "./facts";
import type { Model } from "./model";
import { STATES } from "./states";

interface TooltipProps {
  model: Model;
  slot: number;
  x: number;
  y: number;
  origin: number;
  zone: Zone;
}

/** What a pointer is at. */
export function Tooltip({ model, slot, x, y, origin, zone }: TooltipProps) {
  const { spans, arrangement, ready, steps } = model;
  const at = arrangement.spans[slot] as number;
  const start = spans.start[at] as number;
  const waited = start - (ready[at] as number);
  const state = STATES[spans.state[at] as number] ?? "failed";
  return (
    <div
      className="chart-tooltip"
      style={{ insetInlineStart: `min(${x + 14}px, 100% - 19rem)`, insetBlockStart: y + 14 }}
    >
      <div className="row">
        <CachedOr state={state}>
          <Status status={state} />
        </CachedOr>
        <strong className="ellipsis">
          {steps[spans.step[at] as number]} / {spans.partition[at]}
        </strong>
      </div>
      <div className="quiet">
        {clock(origin + start * 1000, zone)} · {duration(spans.took[at] as number)}
        {waited > 0 && ` · ${texts.timeline.waited(duration(waited))}`}
      </div>
      <div className="quiet ellipsis">
        {texts.timeline.attempt(spans.attempt[at] as number)} · {spans.workers[spans.worker[at] as number]}
      </div>
    </div>
  );
}
