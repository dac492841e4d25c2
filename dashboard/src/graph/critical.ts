import { useMemo } from "react";
import { api } from "../api/client";
import type { Laid } from "./use-layout";

const LOOKS_MS = 10_000;
const NOTHING: ReadonlySet<number> = new Set();

/** The boxes on the critical path, the groups that its steps are in among them. */
export function useCritical(id: string, { tree, layout }: Laid, isWanted: boolean): ReadonlySet<number> {
  const params = { params: { path: { workflow: id } } };
  const diagnosis = api.useQuery("get", "/v1/workflows/{workflow}/performance", params, {
    enabled: isWanted,
    refetchInterval: LOOKS_MS,
  });
  const path = isWanted ? diagnosis.data?.path : undefined;
  return useMemo(() => {
    if (path === undefined) return NOTHING;
    const nodes = new Map(tree.nodes.flatMap((node, box) => (node.step === -1 ? [] : [[node.name, box] as const])));
    const boxes = new Set<number>();
    for (const { step } of path) {
      for (let box = nodes.get(step) ?? -1; box !== -1; box = tree.nodes[box]?.parent ?? -1)
        if (layout.shown[box]) boxes.add(box);
    }
    return boxes;
  }, [path, tree, layout]);
}
