import { useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { texts } from "../texts";
import { Answered, ErrorNote } from "../ui/notes";
import { useChange } from "../ui/use-change";
import { hasEnded, useWorkflow, useWorkflowId, type WorkflowDetail } from "../workflow/use-workflow";
import type { Camera } from "./camera";
import { GraphCanvas, type GraphHandle } from "./canvas";
import { Controls } from "./controls";
import { useCritical } from "./critical";
import { Details } from "./details";
import { BoxList } from "./list";
import { type GraphSearch, NONE_OPEN, openGroups } from "./search";
import { standings } from "./standing";
import type { Tree } from "./tree";
import { type Graph, useGraph } from "./use-graph";
import { type Laid, useLayout } from "./use-layout";
import "../timeline/timeline.css";
import "./graph.css";

/** What comes after what: steps and groups of steps as boxes, live. */
export function GraphTab() {
  const id = useWorkflowId();
  const workflow = useWorkflow(id).data;
  const graph = useGraph(id, workflow !== undefined && hasEnded(workflow.status));
  return <Answered query={graph}>{(plan) => <Planned id={id} workflow={workflow} plan={plan} />}</Answered>;
}

interface PlannedProps {
  id: string;
  workflow: WorkflowDetail | undefined;
  plan: Graph;
}

function Planned({ id, workflow, plan }: PlannedProps) {
  const search = useSearch({ from: "/workflows/$workflow/graph" });
  const { laid, error } = useLayout(`${id} ${plan.key}`, plan.steps, openGroups(search));
  if (error !== null) return <ErrorNote error={error} />;
  if (laid === undefined) return <p className="quiet">{texts.graph.layingOut}</p>;
  return <Shown id={id} workflow={workflow} plan={plan} laid={laid} search={search} />;
}

interface ShownProps extends PlannedProps {
  laid: Laid;
  search: GraphSearch;
}

function Shown({ id, workflow, plan, laid, search }: ShownProps) {
  const { steps } = plan;
  const picture = useRef<GraphHandle>(null);
  const panel = useRef<HTMLElement>(null);
  const [areLinesShown, setAreLinesShown] = useState(true);
  const change = useChange();
  const { tree } = laid;
  const all = useMemo(() => standings(tree, plan.states), [tree, plan.states]);
  const isCritical = search.critical === "shown" || (search.critical === undefined && steps.length <= MOST_CRITICAL);
  const critical = useCritical(id, laid, isCritical);
  const found = useMemo(() => matches(tree, search.find), [tree, search.find]);
  const selected = useMemo(() => chosen(tree, search), [tree, search]);
  const pick = useCallback((box: number | undefined) => change(named(tree, box)), [change, tree]);
  const toggle = useCallback(
    (box: number) => {
      const name = tree.nodes[box]?.name ?? "";
      if (tree.nodes[box]?.step !== -1) return;
      const next = laid.open.includes(name) ? laid.open.filter((each) => each !== name) : [...laid.open, name];
      change({ open: next.length > 0 ? next : NONE_OPEN, at: undefined, ...named(tree, box) });
    },
    [change, laid, tree],
  );
  const goTo = useGoTo(laid, picture, change);
  return (
    <div className="stack">
      <Controls
        search={search}
        isCritical={isCritical}
        found={found}
        selected={selected}
        picture={picture}
        onGoTo={goTo}
        onOpenAll={() => change({ open: groupNames(tree), at: undefined })}
        onCloseAll={() => change({ open: NONE_OPEN, at: undefined, group: undefined, step: undefined })}
        onChange={change}
      />
      <GraphCanvas
        ref={picture}
        laid={laid}
        standings={all}
        critical={critical}
        found={search.find === undefined ? NOTHING : found}
        selected={selected}
        camera={cameraOf(search.at)}
        summary={texts.graph.summary(
          steps.length,
          laid.layout.shown.reduce((sum, each) => sum + (each === 1 ? 1 : 0), 0),
        )}
        onCamera={(camera) => change({ at: placeOf(camera) })}
        onPick={pick}
        onToggle={toggle}
        onEnter={(box) => (tree.nodes[box]?.step === -1 ? toggle(box) : panel.current?.focus())}
        onLines={setAreLinesShown}
      />
      <p className="small quiet">
        {texts.graph.hint} {!areLinesShown && <strong>{texts.graph.fewLines}</strong>}
      </p>
      {selected !== undefined && (
        <Details
          ref={panel}
          id={id}
          facts={workflow?.steps}
          steps={steps}
          laid={laid}
          box={selected}
          standing={all[selected] as (typeof all)[number]}
          onToggle={toggle}
          onStep={(step) => goTo(tree.nodeOf[step] as number)}
          onClose={() => pick(undefined)}
        />
      )}
      <BoxList laid={laid} steps={steps} standings={all} onPick={goTo} onToggle={toggle} />
    </div>
  );
}

const MOST_CRITICAL = 2000;
const NOTHING: ReadonlySet<number> = new Set();

/** Choose a box and bring it into sight, opening the groups around it. */
function useGoTo(laid: Laid, picture: React.RefObject<GraphHandle | null>, change: (changes: object) => void) {
  const awaited = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (awaited.current === undefined || !laid.layout.shown[awaited.current]) return;
    picture.current?.show(awaited.current);
    awaited.current = undefined;
  }, [laid, picture]);
  return useCallback(
    (box: number) => {
      const { tree, layout, open } = laid;
      if (layout.shown[box]) {
        change(named(tree, box));
        picture.current?.show(box);
        return;
      }
      awaited.current = box;
      const names = new Set(open);
      for (let outer = tree.nodes[box]?.parent ?? -1; outer !== -1; outer = tree.nodes[outer]?.parent ?? -1)
        names.add(tree.nodes[outer]?.name ?? "");
      change({ open: [...names], at: undefined, ...named(tree, box) });
    },
    [laid, picture, change],
  );
}

/** How an address names a box. */
function named(tree: Tree, box: number | undefined): { step: string | undefined; group: string | undefined } {
  const node = box === undefined ? undefined : tree.nodes[box];
  return { step: node && node.step !== -1 ? node.name : undefined, group: node?.step === -1 ? node.name : undefined };
}

function chosen(tree: Tree, { step, group }: GraphSearch): number | undefined {
  if (step === undefined && group === undefined) return undefined;
  const found = tree.nodes.findIndex((node) => (node.step === -1 ? node.name === group : node.name === step));
  return found === -1 ? undefined : found;
}

function matches(tree: Tree, text: string | undefined): Set<number> {
  const wanted = text?.toLowerCase();
  if (!wanted) return new Set();
  return new Set([...tree.nodes.keys()].filter((box) => tree.nodes[box]?.name.toLowerCase().includes(wanted)));
}

function groupNames(tree: Tree): string[] {
  return tree.nodes.filter((node) => node.step === -1).map((node) => node.name);
}

function placeOf(camera: Camera | undefined): string | undefined {
  return camera && `${Math.round(camera.x)},${Math.round(camera.y)},${camera.scale.toFixed(5)}`;
}

function cameraOf(at: string | undefined): Camera | undefined {
  if (at === undefined) return undefined;
  const [x, y, scale] = at.split(",").map(Number) as [number, number, number];
  return { x, y, scale: Math.min(2, Math.max(0.002, scale)) };
}
