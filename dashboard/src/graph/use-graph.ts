import { useRef } from "react";
import { api, type Schemas } from "../api/client";
import type { StepState } from "./standing";
import type { PlanStep } from "./tree";

/** A plan as far as it is drawn: the steps stay the same value while the plan does. */
export interface Graph {
  /** Of the plan: another one, another key. */
  key: string;
  steps: readonly PlanStep[];
  states: readonly StepState[];
}

const LOOKS_MS = 1_000;

/** The steps of a workflow and how far they are, once a second while it is not over. */
export function useGraph(id: string, isOver: boolean) {
  const plans = useRef<Plan | undefined>(undefined);
  const known = useRef<{ body: Schemas["GraphBody"]; graph: Graph } | undefined>(undefined);
  const query = api.useQuery(
    "get",
    "/v1/workflows/{workflow}/graph",
    { params: { path: { workflow: id } } },
    { refetchInterval: isOver ? false : LOOKS_MS },
  );
  const body = query.data;
  if (body !== undefined && known.current?.body !== body) {
    plans.current = planOf(body, plans.current);
    known.current = { body, graph: { ...plans.current, states: statesOf(body) } };
  }
  return { data: body && known.current?.graph, error: query.error, refetch: query.refetch };
}

type Plan = Pick<Graph, "key" | "steps">;

function planOf({ name, inputs }: Schemas["GraphBody"], before: Plan | undefined): Plan {
  const key = digest(JSON.stringify([name, inputs]));
  if (before?.key === key) return before;
  const positions = new Map(name.map((each, position) => [each, position]));
  const steps = name.map((each, position) => ({
    name: each,
    inputs: (inputs[position] ?? []).flatMap((input) => positions.get(input) ?? []),
  }));
  return { key, steps };
}

/** A short name for a text (FNV-1a, twice over, for 64 bits). */
function digest(text: string): string {
  let [one, other] = [0x811c9dc5, 0x1000193];
  for (let at = 0; at < text.length; at++) {
    one = Math.imul(one ^ text.charCodeAt(at), 0x1000193);
    other = Math.imul(other ^ text.charCodeAt(at), 0x85ebca6b);
  }
  return `${text.length}-${one >>> 0}-${other >>> 0}`;
}

function statesOf({ status, partitions, done, running }: Schemas["GraphBody"]): StepState[] {
  return status.map((each, position) => ({
    status: each,
    partitions: partitions[position] ?? null,
    done: done[position] ?? 0,
    running: running[position] ?? 0,
  }));
}
