import { expect, test } from "vitest";
import { edgesOf, layersOf, ordered } from "./layering";
import { type Layout, layOut } from "./layout";
import { openAtFirst, type PlanStep, type Tree, treeOf } from "./tree";

/** A plan in which each step takes a few of those before it, in groups of groups. */
function planOf(count: number, name = (step: number) => `stage${step % 7}.part${step % 3}.step${step}`): PlanStep[] {
  let state = 5;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
  return Array.from({ length: count }, (_, step) => ({
    name: name(step),
    inputs: step === 0 ? [] : [...new Set([random() % step, Math.max(0, step - 1 - (random() % 9))])],
  }));
}

function allOpen(tree: Tree): Set<number> {
  return new Set(openAtFirst(tree, Number.POSITIVE_INFINITY));
}

function laid(steps: readonly PlanStep[], open?: Set<number>): { layout: Layout; tree: Tree } {
  const tree = treeOf(steps);
  return { tree, layout: layOut(steps, tree, open ?? allOpen(tree)) };
}

const inside = (layout: Layout, box: number, other: number) =>
  (layout.x[box] as number) >= (layout.x[other] as number) &&
  (layout.y[box] as number) >= (layout.y[other] as number) &&
  (layout.x[box] as number) + (layout.width[box] as number) <=
    (layout.x[other] as number) + (layout.width[other] as number) &&
  (layout.y[box] as number) + (layout.height[box] as number) <=
    (layout.y[other] as number) + (layout.height[other] as number);

const apart = (layout: Layout, box: number, other: number) =>
  (layout.x[box] as number) + (layout.width[box] as number) <= (layout.x[other] as number) ||
  (layout.x[other] as number) + (layout.width[other] as number) <= (layout.x[box] as number) ||
  (layout.y[box] as number) + (layout.height[box] as number) <= (layout.y[other] as number) ||
  (layout.y[other] as number) + (layout.height[other] as number) <= (layout.y[box] as number);

test("each edge leads to a later layer", () => {
  const steps = planOf(500, (step) => `s${step}`);
  const edges = edgesOf(
    500,
    steps.flatMap((step, to) => step.inputs.map((from) => [from, to] as const)),
  );
  const layers = layersOf(edges);
  for (let edge = 0; edge < edges.from.length; edge++)
    expect(layers[edges.to[edge] as number]).toBeGreaterThan(layers[edges.from[edge] as number] as number);
  expect(ordered(edges, layers).flat()).toHaveLength(500);
});

test("circles between groups are laid out too", () => {
  const edges = edgesOf(3, [
    [0, 1],
    [1, 2],
    [2, 0],
    [1, 1],
  ]);
  expect([...layersOf(edges)]).toEqual([0, 1, 2]);
});

test("crossing edges are uncrossed", () => {
  const edges = edgesOf(4, [
    [0, 3],
    [1, 2],
  ]);
  const [first, second] = ordered(edges, layersOf(edges)) as [number[], number[]];
  expect(second.map((vertex) => (vertex === 3 ? 0 : 1))).toEqual(first);
});

test.each([[1], [2], [40], [400]])("no two boxes of %i steps overlap, and each is inside its group", (count) => {
  const { layout, tree } = laid(planOf(count));
  for (const [box, node] of tree.nodes.entries()) {
    if (node.parent !== -1) expect(inside(layout, box, node.parent)).toBe(true);
    for (let other = box + 1; other < tree.nodes.length; other++)
      if (tree.nodes[other]?.parent === node.parent) expect(apart(layout, box, other)).toBe(true);
  }
});

test("a closed group stands for its steps, and its lines are joined", () => {
  const steps = planOf(210);
  const { layout, tree } = laid(steps, new Set());
  const boxes = [...layout.shown.keys()].filter((box) => layout.shown[box] === 1);
  expect(boxes).toHaveLength(7);
  expect(layout.weight.length).toBeLessThanOrEqual(7 * 6);
  const across = steps.flatMap((step, to) => step.inputs.filter((from) => from % 7 !== to % 7));
  expect(layout.weight.reduce((sum, each) => sum + each, 0)).toBe(across.length);
  expect(tree.roots).toHaveLength(7);
});

test("the work grows with the graph, not with its square", () => {
  const effort = (count: number) => {
    const steps = planOf(count);
    const tree = treeOf(steps);
    const counted = { operations: 0 };
    layOut(steps, tree, allOpen(tree), counted);
    return counted.operations;
  };
  expect(effort(8000) / effort(1000)).toBeLessThan(9);
});

test("ten thousand in a row, and ten thousand side by side, make a picture that fits a screen", () => {
  const row = Array.from({ length: 10_000 }, (_, step) => ({ name: `s${step}`, inputs: step ? [step - 1] : [] }));
  const fan = Array.from({ length: 10_000 }, (_, step) => ({ name: `s${step}`, inputs: step ? [0] : [] }));
  for (const steps of [row, fan]) {
    const { size } = laid(steps).layout;
    expect(size.width / size.height).toBeLessThan(8);
    expect(size.height / size.width).toBeLessThan(8);
  }
});

test("groups come from names, whatever is in them", () => {
  const names = [
    "a.b.one",
    "a.b.two",
    "a.c",
    "a",
    "alone.x",
    ".",
    "..",
    "a..b",
    "<b>.x",
    "<b>.y",
    "__proto__.x",
    "__proto__.y",
  ];
  const tree = treeOf(names.map((name) => ({ name, inputs: [] })));
  const groups = tree.nodes.filter((node) => node.step === -1).map((node) => node.name);
  expect(groups).toEqual(["a", "a.b", "<b>", "__proto__"]);
  expect(tree.nodes.find((node) => node.name === "a.b.one")?.label).toBe("one");
  expect(tree.nodes.filter((node) => node.step !== -1)).toHaveLength(names.length);
  expect(tree.nodes.find((node) => node.step === -1 && node.name === "a")?.steps).toBe(4);
});

test("nothing at all is laid out too", () => {
  expect(laid([]).layout.weight).toHaveLength(0);
});
