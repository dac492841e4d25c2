import { useEffect, useRef, useState } from "react";
import type { Layout } from "./layout";
import LayoutWorker from "./layout-worker?worker";
import type { PlanStep, Tree } from "./tree";

/** Graphs of more steps begin with their groups closed. */
const MOST_OPEN = 60;
const KEPT = 8;

/** A graph with its places. */
export interface Laid {
  tree: Tree;
  layout: Layout;
  /** Names of the groups that are open. */
  open: readonly string[];
}

const known = new Map<string, Laid>();

/**
 * The places of a plan's steps, worked out by a worker; what was worked out lately is kept.
 *
 * @param key of the plan: another key, another plan.
 * @param open names of open groups; undefined for those that are open to begin with.
 */
export function useLayout(key: string, steps: readonly PlanStep[], open: readonly string[] | undefined) {
  const [laid, setLaid] = useState<Laid | undefined>(() => known.get(keyOf(key, open)));
  const [error, setError] = useState<unknown>(null);
  const worker = useRef<Layouter | undefined>(undefined);
  useEffect(() => {
    const made = new Layouter(steps, setError);
    worker.current = made;
    return () => {
      made.close();
      worker.current = undefined;
    };
  }, [steps]);
  const wanted = keyOf(key, open);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what is open.
  useEffect(() => {
    const there = known.get(wanted);
    if (there) return setLaid(there);
    worker.current?.ask(open ?? null, (made) => {
      remember(wanted, made);
      setLaid(made);
    });
  }, [wanted, steps]);
  return { laid, error };
}

const keyOf = (key: string, open: readonly string[] | undefined) => JSON.stringify([key, open ?? null]);

function remember(key: string, laid: Laid): void {
  known.set(key, laid);
  const oldest = known.keys().next().value;
  if (known.size > KEPT && oldest !== undefined) known.delete(oldest);
}

/** A worker that knows a plan. Only the answer to the last question counts. */
class Layouter {
  private readonly worker = new LayoutWorker();
  private asked = 0;
  private tree: Tree | undefined;
  private answer: ((laid: Laid) => void) | undefined;

  constructor(
    private readonly steps: readonly PlanStep[],
    onError: (error: unknown) => void,
  ) {
    this.worker.onerror = (event) => onError(new Error(event.message));
    this.worker.onmessage = ({ data }: MessageEvent<Omit<Laid, "tree"> & { id: number; tree?: Tree }>) => {
      this.tree = data.tree ?? this.tree;
      if (data.id === this.asked && this.tree) this.answer?.({ tree: this.tree, layout: data.layout, open: data.open });
    };
  }

  ask(open: readonly string[] | null, answer: (laid: Laid) => void): void {
    this.answer = answer;
    const steps = this.asked === 0 ? { steps: this.steps } : {};
    this.asked += 1;
    this.worker.postMessage({ id: this.asked, open, most: MOST_OPEN, ...steps });
  }

  close(): void {
    this.worker.terminate();
  }
}
