/** A step as the graph needs it. */
export interface PlanStep {
  name: string;
  /** Positions of the steps whose results it takes. */
  inputs: readonly number[];
}

/** A group of steps, or a step: what the graph has as a box. Groups are named by what their steps' names begin with. */
export interface Node {
  /** Of the step; -1 for a group. */
  step: number;
  /** Position of the group that it is in; -1 at the top. */
  parent: number;
  /** The whole name. */
  name: string;
  /** What the groups around it do not say already. */
  label: string;
  /** Positions of what is directly inside. */
  children: number[];
  /** How many steps are inside; 1 for a step. */
  steps: number;
}

export interface Tree {
  nodes: Node[];
  /** Positions of the nodes that are in no group. */
  roots: number[];
  /** The node of each step. */
  nodeOf: Int32Array;
}

const LEAST = 2;

/**
 * Steps by the groups that their names tell: `clean.text.lower` is `lower` in `text` in `clean`. A group of one step is
 * none, and a group that holds nothing but another group is that one.
 */
export function treeOf(steps: readonly PlanStep[]): Tree {
  const sizes = sizesOf(steps);
  const tree: Tree = { nodes: [], roots: [], nodeOf: new Int32Array(steps.length) };
  const groups = new Map<string, number>();
  for (const [step, { name }] of steps.entries()) {
    const parent = groupFor(tree, groups, name, sizes);
    tree.nodeOf[step] = addNode(tree, { step, name, parent, steps: 1 });
  }
  countSteps(tree);
  return tree;
}

/** How many steps each prefix has. */
function sizesOf(steps: readonly PlanStep[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { name } of steps) for (const prefix of prefixes(name)) sizes.set(prefix, (sizes.get(prefix) ?? 0) + 1);
  return sizes;
}

const DEEPEST = 6;

/** `a` and `a.b` of `a.b.c`; names are users', so that dots may be anywhere. */
function* prefixes(name: string): Generator<string> {
  let dot = name.indexOf(".");
  for (let depth = 0; depth < DEEPEST && dot !== -1 && dot + 1 < name.length; depth++) {
    if (dot > 0) yield name.slice(0, dot);
    dot = name.indexOf(".", dot + 1);
  }
}

/** The innermost group of a name, made with those around it if it is new. */
function groupFor(tree: Tree, groups: Map<string, number>, name: string, sizes: Map<string, number>): number {
  let parent = -1;
  let around = Number.POSITIVE_INFINITY;
  for (const prefix of prefixes(name)) {
    const size = sizes.get(prefix) as number;
    if (size < LEAST || isAllOf(parent, size, around)) continue;
    let group = groups.get(prefix);
    if (group === undefined) {
      group = addNode(tree, { step: -1, name: prefix, parent, steps: size });
      groups.set(prefix, group);
    }
    [parent, around] = [group, size];
  }
  return parent;
}

/** Whether a group would have all that the one around it has. */
function isAllOf(parent: number, size: number, around: number): boolean {
  return parent !== -1 && size === around;
}

function addNode(tree: Tree, node: Omit<Node, "children" | "label">): number {
  const outer = tree.nodes[node.parent];
  const label = outer && node.name.startsWith(`${outer.name}.`) ? node.name.slice(outer.name.length + 1) : node.name;
  const position = tree.nodes.push({ ...node, label, children: [] }) - 1;
  (outer?.children ?? tree.roots).push(position);
  return position;
}

/** From the leaves up: each node comes after the one around it. */
function countSteps(tree: Tree): void {
  for (const node of tree.nodes) if (node.step === -1) node.steps = 0;
  for (let position = tree.nodes.length - 1; position >= 0; position--) {
    const { parent, steps } = tree.nodes[position] as Node;
    if (parent >= 0) (tree.nodes[parent] as Node).steps += steps;
  }
}

/** Groups that are open to begin with: all of a small graph, none of a large one. */
export function openAtFirst(tree: Tree, most: number): number[] {
  if (tree.nodeOf.length > most) return [];
  return [...tree.nodes.keys()].filter((position) => tree.nodes[position]?.step === -1);
}

/** The box that stands for each node: itself, or the outermost closed group around it; -1 for open groups. */
export function shownAs(tree: Tree, open: ReadonlySet<number>): Int32Array {
  const shown = new Int32Array(tree.nodes.length);
  for (const [position, node] of tree.nodes.entries()) {
    const outer = node.parent === -1 ? -1 : (shown[node.parent] as number);
    if (outer !== -1) shown[position] = outer;
    else shown[position] = node.step === -1 && open.has(position) ? -1 : position;
  }
  return shown;
}
