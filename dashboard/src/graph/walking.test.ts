import { expect, test } from "vitest";
import { centred, fitted, panned, zoomed } from "./camera";
import { layOut } from "./layout";
import { standings } from "./standing";
import { treeOf } from "./tree";
import { boxAt, walk } from "./walking";

const STEPS = [
  { name: "read", inputs: [] },
  { name: "g.one", inputs: [0] },
  { name: "g.two", inputs: [0] },
  { name: "end", inputs: [1, 2] },
];
const tree = treeOf(STEPS);
const nameOf = (box: number | undefined) => (box === undefined ? undefined : tree.nodes[box]?.name);

test("arrows walk along lines, into closed groups and out of them", () => {
  const laid = { tree, layout: layOut(STEPS, tree, new Set()), open: [] };
  const start = walk(laid, undefined, "ArrowRight");
  expect(nameOf(start)).toBe("read");
  const group = walk(laid, start, "ArrowRight");
  expect(nameOf(group)).toBe("g");
  const end = walk(laid, group, "ArrowRight");
  expect(nameOf(end)).toBe("end");
  expect(walk(laid, end, "ArrowRight")).toBeUndefined();
  expect(walk(laid, end, "ArrowLeft")).toBe(group);
});

test("inside an open group, up and down go to what is beside", () => {
  const open = new Set([...tree.nodes.keys()].filter((box) => tree.nodes[box]?.step === -1));
  const laid = { tree, layout: layOut(STEPS, tree, open), open: ["g"] };
  const [one, two] = [tree.nodeOf[1], tree.nodeOf[2]] as [number, number];
  const isOneAbove = (laid.layout.y[one] as number) < (laid.layout.y[two] as number);
  expect(walk(laid, isOneAbove ? one : two, "ArrowDown")).toBe(isOneAbove ? two : one);
  const { x, y } = laid.layout;
  expect(boxAt(laid, (x[one] as number) + 3, (y[one] as number) + 3)).toBe(one);
  expect(boxAt(laid, -100, -100)).toBeUndefined();
});

test("a group stands as its steps do", () => {
  const step = (status: string) => ({ status, partitions: 2, done: status === "succeeded" ? 2 : 0, running: 0 });
  const of = (...statuses: string[]) => {
    const found = standings(tree, statuses.map(step));
    return found[tree.nodes.findIndex((node) => node.step === -1)];
  };
  expect(of("succeeded", "succeeded", "failed", "waiting")).toMatchObject({ status: "failed", done: 2, all: 4 });
  expect(of("succeeded", "succeeded", "waiting", "waiting")?.status).toBe("running");
  expect(of("succeeded", "waiting", "waiting", "waiting")?.status).toBe("waiting");
  expect(of("succeeded", "succeeded", "succeeded", "waiting")?.status).toBe("succeeded");
});

test("zooming keeps the place under the pointer; the graph is never lost from sight", () => {
  const view = { width: 1000, height: 500 };
  const graph = { width: 10_000, height: 5_000 };
  const all = fitted(graph, view);
  expect(all.scale).toBeLessThan(0.1);
  const near = zoomed(all, 3, 200, 100);
  expect(near.x + 200 / near.scale).toBeCloseTo(all.x + 200 / all.scale);
  const away = panned(near, 1e9, 1e9, graph, view);
  expect(away.x + view.width / away.scale).toBeGreaterThan(0);
  expect(centred({ x: 500, y: 250 }, 1, view)).toEqual({ x: 0, y: 0 });
});
