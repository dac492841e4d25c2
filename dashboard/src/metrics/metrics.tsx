import { useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { api, ROOT, type Schemas } from "../api/client";
import { measured } from "../formats/numbers";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Chart } from "../ui/chart";
import { Answered, Empty } from "../ui/notes";
import { useChange } from "../ui/use-change";
import { USUAL_WINDOW, WindowChoice } from "../ui/window";

type History = Schemas["MetricHistoryBody"];

const FIRST = "eopiez_workflows";
const LOOKS_MS = 10_000;

/** Any metric over any window. */
export function Metrics() {
  const search = useSearch({ from: "/metrics" });
  const project = useProject();
  const { metric = FIRST, window = USUAL_WINDOW, by } = search;
  const change = useChange();
  const all = api.useQuery("get", "/v1/metrics", { params: { query: { format: "json", ...project } } });
  const query = { window_s: window, limit: 40, ...project, ...(by ? { by: [by] } : {}) };
  const history = api.useQuery(
    "get",
    "/v1/metrics/{metric}/history",
    { params: { path: { metric }, query } },
    { refetchInterval: LOOKS_MS },
  );
  const chosen = all.data?.metrics.find((each) => each.name === metric);
  const labels = Object.keys(history.data?.lines[0]?.labels ?? chosen?.samples[0]?.labels ?? {});
  return (
    <>
      <header className="row between">
        <h1>{texts.pages.metrics}</h1>
        <div className="row">
          <label className="row">
            <span className="quiet">{texts.metrics.metric}</span>
            <select value={metric} onChange={(event) => change({ metric: event.target.value, by: undefined })}>
              {(all.data?.metrics ?? [{ name: metric }]).map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          </label>
          <label className="row">
            <span className="quiet">{texts.metrics.by}</span>
            <select value={by ?? ""} onChange={(event) => change({ by: event.target.value || undefined })}>
              <option value="">{texts.metrics.everyLabel}</option>
              {[...new Set([...labels, ...(by ? [by] : [])])].map((label) => (
                <option key={label}>{label}</option>
              ))}
            </select>
          </label>
          <WindowChoice value={window} onChange={(seconds) => change({ window: seconds })} />
          <a className="button" href={`${ROOT}/v1/metrics?format=prometheus`} download="metrics.txt">
            {texts.metrics.prometheus}
          </a>
        </div>
      </header>
      <p className="quiet">{chosen?.help}</p>
      <section className="panel">
        <Answered query={history}>{(data) => <HistoryChart history={data} />}</Answered>
      </section>
    </>
  );
}

/** A metric's history as a chart, and as a table of its latest values. */
export function HistoryChart({ history }: { history: History }) {
  const times = useMemo(() => history.times.map((time) => new Date(time).getTime() / 1000), [history.times]);
  const lines = useMemo(
    () => history.lines.map((line) => ({ name: nameOf(line.labels), values: line.values })),
    [history.lines],
  );
  if (lines.length === 0) return <Empty>{texts.metrics.nothing}</Empty>;
  const last = (values: readonly (number | null)[]) => values.findLast((value) => value !== null) ?? null;
  return (
    <div className="stack">
      <Chart label={history.help} times={times} lines={lines} unit={history.unit} />
      <details>
        <summary>{texts.metrics.latest}</summary>
        <table>
          <tbody>
            {history.lines.map((line) => {
              const value = last(line.values);
              return (
                <tr key={nameOf(line.labels)}>
                  <td>{nameOf(line.labels)}</td>
                  <td className="number">{value === null ? "–" : measured(value, history.unit)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </details>
    </div>
  );
}

function nameOf(labels: Record<string, string>): string {
  return Object.values(labels).filter(Boolean).join(" · ") || texts.metrics.all;
}
