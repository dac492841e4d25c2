import type { Tree } from "./tree";

/** A step as the gateway tells how far it is. */
export interface StepState {
  status: string;
  partitions: number | null;
  done: number;
  running: number;
}

/** What a box shows: a status, how much is done of how much, and, of a group, how many steps stand how. */
export interface Standing {
  status: string;
  done: number;
  all: number;
  running: number;
  counts: Readonly<Record<string, number>>;
}

/** From what matters most: a group with a failed step has failed, whatever else runs. */
const WORST = ["failed", "running", "waiting", "succeeded"];

/** How each node of the tree stands. */
export function standings(tree: Tree, steps: readonly StepState[]): Standing[] {
  const found: Standing[] = tree.nodes.map(({ step }) => (step === -1 ? nothing() : ofStep(steps[step])));
  // From the leaves up: each node comes after the one around it.
  for (let position = tree.nodes.length - 1; position >= 0; position--) {
    const parent = tree.nodes[position]?.parent ?? -1;
    if (parent !== -1) found[parent] = together(found[parent] as Standing, found[position] as Standing);
  }
  return found;
}

const nothing = (): Standing => ({ status: "", done: 0, all: 0, running: 0, counts: {} });

function ofStep(step: StepState | undefined): Standing {
  if (step === undefined) return { ...nothing(), status: "waiting", counts: { waiting: 1 } };
  const all = step.partitions ?? Math.max(1, step.done);
  return { status: step.status, done: step.done, all, running: step.running, counts: { [step.status]: 1 } };
}

function together(one: Standing, other: Standing): Standing {
  const counts: Record<string, number> = { ...one.counts };
  for (const [status, count] of Object.entries(other.counts)) counts[status] = (counts[status] ?? 0) + count;
  return {
    counts,
    status: statusOf(counts),
    done: one.done + other.done,
    all: one.all + other.all,
    running: one.running + other.running,
  };
}

/** A group has begun if some of its steps are done and others wait. */
function statusOf(counts: Readonly<Record<string, number>>): string {
  const worst = WORST.find((status) => counts[status]) ?? "waiting";
  return worst === "waiting" && counts.succeeded ? "running" : worst;
}
