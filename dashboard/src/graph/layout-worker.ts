import { layOut } from "./layout";
import { openAtFirst, type PlanStep, type Tree, treeOf } from "./tree";

/** What the page asks for: a plan once, then which groups are open; null for those that are open to begin with. */
export interface Asked {
  id: number;
  steps?: readonly PlanStep[];
  open: readonly string[] | null;
  most: number;
}

let steps: readonly PlanStep[] = [];
let tree: Tree = treeOf([]);

self.addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  if (data.steps) {
    steps = data.steps;
    tree = treeOf(steps);
  }
  const open = new Set(data.open === null ? openAtFirst(tree, data.most) : named(data.open));
  const layout = layOut(steps, tree, open);
  const buffers = Object.values(layout).flatMap((each) => (ArrayBuffer.isView(each) ? [each.buffer] : []));
  const names = [...open].map((node) => tree.nodes[node]?.name ?? "");
  self.postMessage({ id: data.id, layout, open: names, ...(data.steps ? { tree } : {}) }, { transfer: buffers });
});

function named(names: readonly string[]): number[] {
  const wanted = new Set(names);
  return [...tree.nodes.keys()].filter((at) => tree.nodes[at]?.step === -1 && wanted.has(tree.nodes[at].name));
}
