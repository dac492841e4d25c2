import { type Arrangement, arrange, type By } from "./arrangement";
import { Folding, type Gap, longGaps } from "./folding";
import { readySince, type Wire } from "./readiness";
import { sortedIndices } from "./sorting";
import type { Spans } from "./spans";

/** What a timeline shows, made anew when tasks come or its rows are chosen. */
export interface Model {
  spans: Spans;
  arrangement: Arrangement;
  folding: Folding;
  /** Long gaps, folded or not. */
  gaps: readonly Gap[];
  /** Since when each span could have started, in seconds from the workflow's creation. */
  ready: Float64Array;
  steps: readonly string[];
}

export interface Choice {
  by: By;
  isFolded: boolean;
}

/** Rows, lanes and folds of what is known. */
export function modelOf(spans: Spans, steps: readonly string[], wires: readonly Wire[], choice: Choice): Model {
  const order = sortedIndices(spans.start, spans.count);
  const gaps = longGaps(spans.start, spans.end, order);
  const length = lengthOf(spans, order);
  const folding = new Folding(choice.isFolded ? gaps : [], length);
  const ready = readySince(spans, order, wires);
  const labels = choice.by === "worker" ? spans.workers : steps;
  const arrangement = arrange(spans, order, choice.by, labels, folding, ready);
  return { spans, arrangement, folding, gaps, ready, steps };
}

function lengthOf(spans: Spans, order: Int32Array): number {
  let last = 0;
  for (let at = 0; at < spans.count; at++) last = Math.max(last, spans.end[at] as number);
  return order.length === 0 ? 0 : last - (spans.start[order[0] as number] as number);
}

/** The slot of a task that an address names, as in `3/17/1`: position of the step, partition, attempt. */
export function slotOf(model: Model, task: string | undefined): number | undefined {
  if (task === undefined) return undefined;
  const [step, partition, attempt] = task.split("/").map(Number);
  const { spans } = model;
  for (let at = 0; at < spans.count; at++) {
    if (spans.partition[at] === partition && spans.step[at] === step && spans.attempt[at] === attempt) {
      const slot = model.arrangement.slots[at] as number;
      return slot < 0 ? undefined : slot;
    }
  }
  return undefined;
}

/** How an address names the task of a slot. */
export function taskAt(model: Model, slot: number): string {
  const { spans } = model;
  const at = model.arrangement.spans[slot] as number;
  return `${spans.step[at]}/${spans.partition[at]}/${spans.attempt[at]}`;
}
