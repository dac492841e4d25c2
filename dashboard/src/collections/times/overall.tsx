import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { number } from "../../formats/numbers";
import { preferences } from "../../shell/preferences";
import { texts } from "../../texts";
import { useStore } from "../../ui/store";
import { Bars } from "./bars";
import { boundary, type Interval, interval, intervalAt, type Timeline } from "./times";

interface OverallProps {
  timeline: Timeline;
  onChoose: (chosen: Interval) => void;
}

/** All documents over time. Part of it is chosen by dragging, or with arrows, Shift and Enter. */
export function Overall({ timeline, onChoose }: OverallProps) {
  const { zone } = useStore(preferences);
  const [range, setRange] = useState<readonly [number, number]>();
  const [isDragging, setIsDragging] = useState(false);
  const count = timeline.starts.length;
  const at = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return intervalAt((event.clientX - box.left) / box.width, count);
  };
  const take = ([one, other]: readonly [number, number]) => {
    setRange(undefined);
    onChoose(interval(timeline, one, other));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyed(event, range, count);
    if (event.key === "Enter" && range) take(range);
    else if (event.key === "Escape") setRange(undefined);
    else if (next === undefined) return;
    else setRange(next);
    event.preventDefault();
  };
  const shown = range && interval(timeline, ...range);
  const said = shown
    ? `${boundary(shown.since, timeline.unit, zone)} – ${boundary(shown.until, timeline.unit, zone)}: ${texts.units.documents(sumOf(timeline.total, range))}`
    : texts.units.documents(sumOf(timeline.total, [0, count - 1]));
  return (
    <div className="panel times-overall">
      <div
        role="slider"
        tabIndex={0}
        aria-label={texts.times.choose}
        aria-valuemin={0}
        aria-valuemax={count - 1}
        aria-valuenow={range?.[1] ?? 0}
        aria-valuetext={said}
        className="times-place"
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setIsDragging(true);
          setRange([at(event), at(event)]);
        }}
        onPointerMove={(event) => isDragging && setRange([range?.[0] ?? at(event), at(event)])}
        onPointerUp={(event) => {
          if (isDragging) take([range?.[0] ?? at(event), at(event)]);
          setIsDragging(false);
        }}
        onPointerCancel={() => {
          setIsDragging(false);
          setRange(undefined);
        }}
      >
        <Bars values={timeline.total} largest={Math.max(...timeline.total)} chosen={range} />
      </div>
      <div className="row between quiet small">
        <span>{boundary(timeline.starts[0] as string, timeline.unit, zone)}</span>
        <span aria-hidden="true">{said}</span>
        <span>{texts.times.most(number(Math.max(...timeline.total)))}</span>
        <span>{boundary(timeline.end, timeline.unit, zone)}</span>
      </div>
    </div>
  );
}

function keyed(event: KeyboardEvent, range: readonly [number, number] | undefined, count: number) {
  const move = { ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count }[event.key];
  if (move === undefined) return undefined;
  const last = Math.min(count - 1, Math.max(0, (range?.[1] ?? (move > 0 ? -1 : count)) + move));
  return [event.shiftKey && range ? range[0] : last, last] as const;
}

function sumOf(values: readonly number[], [one, other]: readonly [number, number]): number {
  return values.slice(Math.min(one, other), Math.max(one, other) + 1).reduce((sum, value) => sum + value, 0);
}
