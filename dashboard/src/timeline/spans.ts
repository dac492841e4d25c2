import { FIRST_BAD, stateNumber } from "./states";

/** A part of a timeline, as the gateway gives it. */
export interface Columns {
  states: readonly string[];
  workers: readonly string[];
  step: readonly number[];
  partition: readonly number[];
  attempt: readonly number[];
  state: readonly number[];
  worker: readonly number[];
  start_us: readonly number[];
  run_us: readonly number[];
}

const FIRST_ROOM = 1024;
const PARTITIONS = 2 ** 31;

/** When tasks and attempts ran, in columns; times are seconds from the workflow's creation. */
export class Spans {
  count = 0;
  readonly workers: string[] = [];
  start = new Float64Array(FIRST_ROOM);
  /** Never before the start, whatever clocks said. */
  end = new Float64Array(FIRST_ROOM);
  /** What it took by the clocks; negative if they disagreed. */
  took = new Float64Array(FIRST_ROOM);
  step = new Int32Array(FIRST_ROOM);
  partition = new Int32Array(FIRST_ROOM);
  attempt = new Int32Array(FIRST_ROOM);
  worker = new Int32Array(FIRST_ROOM);
  state = new Uint8Array(FIRST_ROOM);

  private readonly workerNumbers = new Map<string, number>();
  private finished: Set<number> | undefined;

  /** Add what is new of a page; a finished task that is there already is left as it is. Gives how many were new. */
  add(page: Columns, mayRepeat = false): number {
    const states = page.states.map(stateNumber);
    const workers = page.workers.map((name) => this.workerNumber(name));
    this.makeRoom(this.count + page.step.length);
    const known = mayRepeat ? this.knownTasks() : this.finished;
    const before = this.count;
    for (let row = 0; row < page.step.length; row++) {
      const state = states[page.state[row] as number] as number;
      if (known !== undefined && state < FIRST_BAD) {
        const key = (page.step[row] as number) * PARTITIONS + (page.partition[row] as number);
        if (known.has(key)) continue;
        known.add(key);
      }
      this.put(page, row, state, workers[page.worker[row] as number] as number);
    }
    return this.count - before;
  }

  private put(page: Columns, row: number, state: number, worker: number): void {
    const at = this.count++;
    const start = (page.start_us[row] as number) / 1e6;
    const took = (page.run_us[row] as number) / 1e6;
    this.start[at] = start;
    this.took[at] = took;
    this.end[at] = start + Math.max(0, took);
    this.step[at] = page.step[row] as number;
    this.partition[at] = page.partition[row] as number;
    this.attempt[at] = page.attempt[row] as number;
    this.worker[at] = worker;
    this.state[at] = state;
  }

  private workerNumber(name: string): number {
    let number = this.workerNumbers.get(name);
    if (number === undefined) {
      number = this.workers.push(name) - 1;
      this.workerNumbers.set(name, number);
    }
    return number;
  }

  /** The tasks that have a result, made when they are first needed: a workflow at rest needs them never. */
  private knownTasks(): Set<number> {
    if (this.finished === undefined) {
      this.finished = new Set();
      for (let at = 0; at < this.count; at++) {
        if ((this.state[at] as number) < FIRST_BAD)
          this.finished.add((this.step[at] as number) * PARTITIONS + (this.partition[at] as number));
      }
    }
    return this.finished;
  }

  private makeRoom(wanted: number): void {
    if (wanted <= this.start.length) return;
    const room = Math.max(wanted, this.start.length * 2);
    for (const name of ["start", "end", "took"] as const) this[name] = grown(new Float64Array(room), this[name]);
    for (const name of ["step", "partition", "attempt", "worker"] as const)
      this[name] = grown(new Int32Array(room), this[name]);
    this.state = grown(new Uint8Array(room), this.state);
  }
}

function grown<T extends Float64Array | Int32Array | Uint8Array>(into: T, from: T): T {
  into.set(from);
  return into;
}
