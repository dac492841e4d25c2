import type { Spans } from "./spans";
import { FIRST_BAD } from "./states";

/** A step as far as waiting depends on it. */
export interface Wire {
  /** Positions of the steps whose results it takes. */
  inputs: readonly number[];
  kind: string;
}

/** Wires of a plan's steps, as the gateway gives a plan. */
export function wiresOf(
  steps: readonly { name: string; inputs?: readonly string[]; phase: { kind: string } }[],
): Wire[] {
  const positions = new Map(steps.map((step, position) => [step.name, position]));
  return steps.map((step) => ({
    kind: step.phase.kind,
    inputs: (step.inputs ?? []).flatMap((name) => positions.get(name) ?? []),
  }));
}

/** Which steps give one value as a whole, so that maps take it whole. */
function singles(wires: readonly Wire[]): boolean[] {
  const found: boolean[] = [];
  for (const wire of wires) {
    const inherits = wire.kind === "map" && wire.inputs.every((input) => found[input]);
    found.push(wire.kind === "reduce" || wire.kind === "sink" || inherits);
  }
  return found;
}

/**
 * Since when each task could have started: since the last result that it takes was there, or, after a failed attempt,
 * since that one ended. By the clocks of the workers; NaN where it is not known.
 */
export function readySince(spans: Spans, order: Int32Array, wires: readonly Wire[]): Float64Array {
  const ends = new Ends(spans, wires.length);
  const isSingle = singles(wires);
  const ready = new Float64Array(spans.count);
  const tried = new Map<number, number>();
  for (const at of order) {
    const [step, partition] = [spans.step[at] as number, spans.partition[at] as number];
    const key = step * 2 ** 31 + partition;
    const before = tried.get(key);
    ready[at] = before ?? inputsReady(wires[step], partition, ends, isSingle);
    if ((spans.state[at] as number) >= FIRST_BAD) tried.set(key, spans.end[at] as number);
  }
  return ready;
}

function inputsReady(wire: Wire | undefined, partition: number, ends: Ends, isSingle: readonly boolean[]): number {
  if (wire === undefined) return Number.NaN;
  let ready = 0;
  for (const input of wire.inputs) {
    const isSame = wire.kind === "map" && !isSingle[input];
    const end = (isSame ? ends.ofTask(input, partition) : undefined) ?? ends.ofStep(input);
    ready = Math.max(ready, end);
  }
  return ready;
}

const MOST_PARTITIONS = 2 ** 22;

/** When results were there. */
class Ends {
  private readonly steps: Float64Array;
  private readonly tasks: (Float64Array | undefined)[];

  constructor(spans: Spans, steps: number) {
    this.steps = new Float64Array(steps);
    this.tasks = new Array(steps);
    const partitions = new Int32Array(steps);
    for (let at = 0; at < spans.count; at++) {
      const step = spans.step[at] as number;
      partitions[step] = Math.max(partitions[step] as number, (spans.partition[at] as number) + 1);
    }
    for (let at = 0; at < spans.count; at++) {
      if ((spans.state[at] as number) >= FIRST_BAD) continue;
      const [step, end] = [spans.step[at] as number, spans.end[at] as number];
      this.steps[step] = Math.max(this.steps[step] as number, end);
      if ((partitions[step] as number) > MOST_PARTITIONS) continue;
      const tasks = this.tasks[step] ?? new Float64Array(partitions[step] as number).fill(Number.NaN);
      this.tasks[step] = tasks;
      tasks[spans.partition[at] as number] = end;
    }
  }

  ofTask(step: number, partition: number): number | undefined {
    const end = this.tasks[step]?.[partition];
    return end === undefined || Number.isNaN(end) ? undefined : end;
  }

  ofStep(step: number): number {
    return this.steps[step] ?? 0;
  }
}
