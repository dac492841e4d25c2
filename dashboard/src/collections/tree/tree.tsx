import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { number } from "../../formats/numbers";
import { texts } from "../../texts";
import { isBranch, type Node, placeOf, step, visible } from "./nodes";

interface TreeProps {
  nodes: readonly Node[];
  chosen: number;
  closed: ReadonlySet<number>;
  onChoose: (node: number) => void;
  onFold: (closed: ReadonlySet<number>) => void;
}

/** A tree as WAI-ARIA has it: one node has the focus, arrows move and fold, Enter and Space choose. */
export function Tree({ nodes, chosen, closed, onChoose, onFold }: TreeProps) {
  const [focused, setFocused] = useState(chosen);
  const place = useRef<HTMLDivElement>(null);
  const isMoving = useRef(false);
  const seen = visible(nodes, closed);
  const current = seen.some(({ id }) => id === focused) ? focused : (seen[0]?.id ?? 0);
  useEffect(() => {
    if (!isMoving.current) return;
    isMoving.current = false;
    place.current?.querySelector<HTMLElement>(`[data-node="${focused}"]`)?.focus();
  }, [focused]);
  const fold = (node: number, isClosed: boolean) => {
    const next = new Set(closed);
    if (isClosed) next.add(node);
    else next.delete(node);
    onFold(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const done = step(event.key, nodes, closed, current);
    if (event.key === "Enter" || event.key === " ") onChoose(current);
    else if (done === undefined) return;
    else if ("focus" in done) {
      isMoving.current = true;
      setFocused(done.focus);
    } else if ("open" in done) fold(done.open, false);
    else fold(done.close, true);
    event.preventDefault();
  };
  const largest = nodes[0]?.documents ?? 1;
  return (
    <div ref={place} role="tree" aria-label={texts.tree.label} className="panel tree">
      {seen.map((node) => {
        const { place: at, count } = placeOf(nodes, node);
        return (
          <div
            key={node.id}
            role="treeitem"
            data-node={node.id}
            aria-level={node.level + 1}
            aria-posinset={at}
            aria-setsize={count}
            aria-selected={node.id === chosen}
            {...(isBranch(node) ? { "aria-expanded": !closed.has(node.id) } : {})}
            tabIndex={node.id === current ? 0 : -1}
            className="tree-node"
            style={{ paddingInlineStart: `${node.level * 1.125 + 0.25}rem` }}
            onFocus={() => setFocused(node.id)}
            onKeyDown={onKeyDown}
            onClick={() => onChoose(node.id)}
          >
            <span
              className="tree-fold"
              aria-hidden="true"
              onClick={(event) => {
                if (!isBranch(node)) return;
                event.stopPropagation();
                fold(node.id, !closed.has(node.id));
              }}
            >
              {isBranch(node) ? (closed.has(node.id) ? "▸" : "▾") : "·"}
            </span>
            <span className={isBranch(node) ? "ellipsis tree-branch" : "ellipsis"}>
              {node.parent === null ? texts.tree.all : node.label}
            </span>
            <span className="quiet small tree-size">{number(node.documents)}</span>
            <span className="meter" aria-hidden="true">
              <span style={{ inlineSize: `${(node.documents / largest) * 100}%` }} />
            </span>
          </div>
        );
      })}
    </div>
  );
}
