import type { Schemas } from "../../api/client";

export type Node = Schemas["ThemeNodeBody"];

/** The nodes that are seen: those of which no branch above is closed. They come parents first. */
export function visible(nodes: readonly Node[], closed: ReadonlySet<number>): Node[] {
  const hidden = new Set<number>();
  return nodes.filter(({ id, parent }) => {
    const isHidden = parent !== null && (hidden.has(parent) || closed.has(parent));
    if (isHidden) hidden.add(id);
    return !isHidden;
  });
}

/** Whether a node holds others. */
export function isBranch(node: Node): boolean {
  return node.themes.length > 1;
}

/** Where a node stands among those below the same branch, from 1, and how many there are. */
export function placeOf(nodes: readonly Node[], node: Node): { place: number; count: number } {
  const beside = nodes.filter(({ parent }) => parent === node.parent);
  return { place: beside.indexOf(node) + 1, count: beside.length };
}

/** What a key does in a tree (WAI-ARIA, tree view): another node has the focus, or this one opens or closes. */
export type Step = { focus: number } | { open: number } | { close: number } | undefined;

export function step(key: string, nodes: readonly Node[], closed: ReadonlySet<number>, at: number): Step {
  const seen = visible(nodes, closed);
  const place = seen.findIndex(({ id }) => id === at);
  const node = seen[place];
  if (node === undefined) return undefined;
  const to = (target: Node | undefined): Step => target && { focus: target.id };
  switch (key) {
    case "ArrowDown":
      return to(seen[place + 1]);
    case "ArrowUp":
      return to(seen[place - 1]);
    case "Home":
      return to(seen[0]);
    case "End":
      return to(seen.at(-1));
    case "ArrowRight":
      if (!isBranch(node)) return undefined;
      return closed.has(at) ? { open: at } : to(seen[place + 1]);
    case "ArrowLeft":
      if (isBranch(node) && !closed.has(at)) return { close: at };
      return node.parent === null ? undefined : { focus: node.parent };
    default:
      return undefined;
  }
}
