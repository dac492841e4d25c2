import { number } from "../../formats/numbers";
import { preferences } from "../../shell/preferences";
import { texts } from "../../texts";
import { DataTable } from "../../ui/data-table";
import { useStore } from "../../ui/store";
import type { Column } from "../../ui/virtual-table";
import { type Burst, boundary, type Interval, interval, type Timeline } from "./times";

interface BurstsProps {
  timeline: Timeline;
  label: (theme: number) => string;
  onChoose: (chosen: Interval & { theme: number }) => void;
}

/** When themes were spoken of much more than usual, the weightiest first; each leads to its documents. */
export function Bursts({ timeline, label, onChoose }: BurstsProps) {
  const { zone } = useStore(preferences);
  if (timeline.bursts.length === 0) return <p className="quiet">{texts.times.noBursts}</p>;
  const columns: Omit<Column<Burst>, "width">[] = [
    {
      key: "theme",
      title: texts.collections.theme,
      cell: (burst) => (
        <button
          type="button"
          className="link"
          onClick={() => onChoose({ theme: burst.theme, ...interval(timeline, burst.first, burst.last) })}
        >
          {label(burst.theme)}
        </button>
      ),
    },
    {
      key: "since",
      title: texts.times.since,
      cell: (burst) => boundary(timeline.starts[burst.first] as string, timeline.unit, zone),
    },
    {
      key: "until",
      title: texts.times.until,
      cell: (burst) => boundary(interval(timeline, burst.first, burst.last).until, timeline.unit, zone),
    },
    {
      key: "documents",
      title: texts.collections.documents,
      isNumber: true,
      cell: (burst) => number(burst.documents),
    },
    { key: "usual", title: texts.times.usual, isNumber: true, cell: (burst) => number(Math.round(burst.expected)) },
    {
      key: "times",
      title: "×",
      isNumber: true,
      cell: (burst) => (burst.documents / Math.max(burst.expected, 0.1)).toFixed(1),
    },
  ];
  return (
    <section className="stack">
      <h2>{texts.times.burstsTitle}</h2>
      <DataTable
        label={texts.times.burstsTitle}
        className="panel"
        columns={columns}
        rows={timeline.bursts}
        keyOf={(burst) => `${burst.theme}/${burst.first}`}
      />
    </section>
  );
}
