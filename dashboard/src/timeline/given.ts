import { Spans } from "./spans";
import { STATES } from "./states";

/** A span as tests write it: seconds, and what is left out is usual. */
export interface Given {
  start: number;
  took: number;
  step?: number;
  partition?: number;
  attempt?: number;
  state?: (typeof STATES)[number];
  worker?: string;
}

/** Spans as the gateway gives them, for tests. */
export function columnsOf(all: readonly Given[]) {
  const workers = [...new Set(all.map((each) => each.worker ?? "w"))];
  return {
    states: [...STATES],
    workers,
    step: all.map((each) => each.step ?? 0),
    partition: all.map((each, index) => each.partition ?? index),
    attempt: all.map((each) => each.attempt ?? 1),
    state: all.map((each) => STATES.indexOf(each.state ?? "succeeded")),
    worker: all.map((each) => workers.indexOf(each.worker ?? "w")),
    start_us: all.map((each) => Math.round(each.start * 1e6)),
    run_us: all.map((each) => Math.round(each.took * 1e6)),
  };
}

export function spansOf(all: readonly Given[]): Spans {
  const spans = new Spans();
  spans.add(columnsOf(all));
  return spans;
}

/** Numbers that look random, the same each time. */
export function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}
