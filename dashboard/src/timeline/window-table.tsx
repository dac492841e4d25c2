import { useMemo, useState } from "react";
import { duration, number } from "../formats/numbers";
import { texts } from "../texts";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { type Column, VirtualTable } from "../ui/virtual-table";
import { type Arrangement, slotsBetween } from "./arrangement";
import type { Window } from "./bins";
import { CachedOr } from "./facts";
import { type Model, taskAt } from "./model";
import { STATES } from "./states";

interface WindowTableProps {
  model: Model;
  window: Window | undefined;
  origin: number;
  onPick: (slot: number) => void;
}

/** The tasks that the timeline shows, for keyboards and for those who do not see it. */
export function WindowTable(props: WindowTableProps) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details className="panel" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>{texts.timeline.asTable}</summary>
      {isOpen && <OpenTable {...props} />}
    </details>
  );
}

function OpenTable({ model, window, origin, onPick }: WindowTableProps) {
  const slots = useMemo(() => slotsWithin(model, window), [model, window]);
  const columns = useMemo(() => columnsFor(model, origin, onPick), [model, origin, onPick]);
  return (
    <>
      <p className="quiet">{texts.timeline.inWindow(slots.length)}</p>
      <VirtualTable
        label={texts.timeline.asTable}
        columns={columns}
        rows={slots}
        keyOf={(slot) => taskAt(model, slot)}
      />
    </>
  );
}

function slotsWithin({ arrangement, folding }: Model, window: Window | undefined): number[] {
  const shown = window
    ? { from: folding.toScale(window.from), to: folding.toScale(window.to) }
    : { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  return [...allSlots(arrangement, shown)];
}

function* allSlots(arrangement: Arrangement, { from, to }: Window): Generator<number> {
  for (let lane = 0; lane + 1 < arrangement.lanes.length; lane++) {
    const [first, last] = slotsBetween(arrangement, lane, from, to);
    for (let slot = first; slot < last; slot++) yield slot;
  }
}

function columnsFor(model: Model, origin: number, onPick: (slot: number) => void): Column<number>[] {
  const { spans, arrangement, ready, steps } = model;
  const at = (slot: number) => arrangement.spans[slot] as number;
  return [
    {
      key: "step",
      title: texts.workflow.step,
      width: "minmax(10rem, 2fr)",
      cell: (slot) => (
        <button type="button" className="plain" onClick={() => onPick(slot)}>
          {steps[spans.step[at(slot)] as number]} / {spans.partition[at(slot)]}
        </button>
      ),
    },
    {
      key: "attempt",
      title: texts.workflow.attempt,
      width: "5rem",
      isNumber: true,
      cell: (slot) => number(spans.attempt[at(slot)] as number),
    },
    {
      key: "state",
      title: texts.workflow.outcome,
      width: "9rem",
      cell: (slot) => {
        const state = STATES[arrangement.state[slot] as number] ?? "failed";
        return (
          <CachedOr state={state}>
            <Status status={state} />
          </CachedOr>
        );
      },
    },
    {
      key: "began",
      title: texts.workflow.began,
      width: "11rem",
      cell: (slot) => <Time at={new Date(origin + (spans.start[at(slot)] as number) * 1000).toISOString()} />,
    },
    {
      key: "waited",
      title: texts.timeline.waiting,
      width: "7rem",
      isNumber: true,
      cell: (slot) => {
        const waited = (spans.start[at(slot)] as number) - (ready[at(slot)] as number);
        return waited > 0 ? duration(waited) : "–";
      },
    },
    {
      key: "took",
      title: texts.workflows.took,
      width: "7rem",
      isNumber: true,
      cell: (slot) => duration(spans.took[at(slot)] as number),
    },
    {
      key: "worker",
      title: texts.workflow.worker,
      width: "minmax(10rem, 1fr)",
      cell: (slot) => spans.workers[spans.worker[at(slot)] as number],
    },
  ];
}
