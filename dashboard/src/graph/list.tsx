import { useMemo, useState } from "react";
import { number } from "../formats/numbers";
import { texts } from "../texts";
import { Status } from "../ui/status";
import { type Column, VirtualTable } from "../ui/virtual-table";
import type { Standing } from "./standing";
import type { PlanStep } from "./tree";
import type { Laid } from "./use-layout";

interface BoxListProps {
  laid: Laid;
  steps: readonly PlanStep[];
  standings: readonly Standing[];
  onPick: (box: number) => void;
  onToggle: (box: number) => void;
}

/** The boxes of the graph in the plan's order, for keyboards and for those who do not see it. */
export function BoxList(props: BoxListProps) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="panel" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{texts.graph.asList}</summary>
      {isOpen && <OpenList {...props} />}
    </details>
  );
}

function OpenList({ laid, steps, standings, onPick, onToggle }: BoxListProps) {
  const boxes = useMemo(() => inOrder(laid), [laid]);
  const columns = useMemo((): Column<number>[] => {
    const node = (box: number) => laid.tree.nodes[box] as Laid["tree"]["nodes"][number];
    const names = (box: number) => (steps[node(box).step]?.inputs ?? []).map((input) => steps[input]?.name).join(", ");
    return [
      {
        key: "open",
        title: <span className="only-read-aloud">{texts.graph.open}</span>,
        width: "2.75rem",
        cell: (box) =>
          node(box).step === -1 && (
            <button
              type="button"
              className="plain"
              aria-expanded={laid.layout.shown[box] === 2}
              aria-label={`${texts.graph.open} ${node(box).name}`}
              onClick={() => onToggle(box)}
            >
              {laid.layout.shown[box] === 2 ? "▾" : "▸"}
            </button>
          ),
      },
      {
        key: "name",
        title: texts.workflow.step,
        width: "minmax(12rem, 2fr)",
        cell: (box) => (
          <button type="button" className="plain" onClick={() => onPick(box)}>
            {node(box).name}
          </button>
        ),
      },
      {
        key: "status",
        title: texts.workflows.status,
        width: "8rem",
        cell: (box) => <Status status={standings[box]?.status ?? ""} />,
      },
      {
        key: "done",
        title: texts.workflow.done,
        width: "9rem",
        isNumber: true,
        cell: (box) => `${number(standings[box]?.done ?? 0)} / ${number(standings[box]?.all ?? 0)}`,
      },
      { key: "takes", title: texts.graph.takes, width: "minmax(12rem, 2fr)", cell: names },
    ];
  }, [laid, steps, standings, onPick, onToggle]);
  return <VirtualTable label={texts.graph.asList} columns={columns} rows={boxes} keyOf={(box) => box} />;
}

/** What is shown, groups before what is in them. */
function inOrder({ tree, layout }: Laid): number[] {
  const found: number[] = [];
  const visit = (box: number) => {
    if (layout.shown[box]) found.push(box);
    if (layout.shown[box] === 2) for (const child of tree.nodes[box]?.children ?? []) visit(child);
  };
  for (const root of tree.roots) visit(root);
  return found;
}
