import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./chart.css";
import { measured } from "../formats/numbers";
import { day, moment, timeOfDay, type Zone } from "../formats/times";
import { preferences } from "../shell/preferences";
import { texts } from "../texts";
import { useStore } from "./store";

export interface ChartLine {
  name: string;
  values: readonly (number | null)[];
}

interface ChartProps {
  label: string;
  /** Seconds since 1970, rising. */
  times: readonly number[];
  lines: readonly ChartLine[];
  unit: string;
  height?: number;
}

const COLOURS = [
  "#1f77b4",
  "#d2691e",
  "#2a8f4f",
  "#b23a6f",
  "#7a5bd0",
  "#8a6d1c",
  "#2f8f96",
  "#a33",
  "#566",
  "#5a8f00",
];
const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3]];

/** Lines over time; those beyond the number of colours differ by their dashes as well. */
export function Chart({ label, times, lines, unit, height = 260 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const { zone, theme } = useStore(preferences);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme is drawn in other colours.
  useEffect(() => {
    const host = place.current;
    if (host === null) return;
    const style = getComputedStyle(host);
    const [ink, grid] = [style.getPropertyValue("--quiet"), style.getPropertyValue("--line")];
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const options: uPlot.Options = {
      width: host.clientWidth,
      height,
      tzDate: (seconds) => (zone === "utc" ? uPlot.tzDate(new Date(seconds * 1000), "UTC") : new Date(seconds * 1000)),
      series: [
        { value: (_: uPlot, at: number | null) => (at === null ? "–" : moment(at * 1000, zone)), label: texts.logs.at },
        ...lines.map((line, index) => seriesOf(line, index, unit)),
      ],
      axes: [
        {
          ...axis,
          values: (_: uPlot, ticks: number[], _index, _space, step) => ticks.map((tick) => tickAt(tick, step, zone)),
        },
        { ...axis, size: 80, values: (_: uPlot, ticks: number[]) => ticks.map((tick) => measured(tick, unit)) },
      ],
      scales: { y: { range: (_: uPlot, low: number, high: number) => [Math.min(0, low), high > 0 ? high * 1.05 : 1] } },
    };
    const chart = new uPlot(
      options,
      [times as number[], ...lines.map((line) => line.values as (number | null)[])],
      host,
    );
    const watching = new ResizeObserver(() => chart.setSize({ width: host.clientWidth, height }));
    watching.observe(host);
    return () => {
      watching.disconnect();
      chart.destroy();
    };
  }, [times, lines, unit, height, zone, theme]);
  return <div ref={place} role="img" aria-label={label} className="chart" />;
}

const DAY_S = 86_400;

/** A moment on an axis, as exact as its steps. */
function tickAt(seconds: number, step: number, zone: Zone): string {
  return step >= DAY_S ? day(seconds * 1000, zone) : timeOfDay(seconds * 1000, zone, step < 60);
}

function seriesOf(line: ChartLine, index: number, unit: string): uPlot.Series {
  return {
    label: line.name,
    stroke: COLOURS[index % COLOURS.length] as string,
    dash: DASHES[Math.floor(index / COLOURS.length) % DASHES.length] as number[],
    width: 1.5,
    points: { show: line.values.length < 60 },
    value: (_: uPlot, value: number | null) => (value === null ? "–" : measured(value, unit)),
  };
}
