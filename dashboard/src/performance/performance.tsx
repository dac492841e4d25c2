import { useSearch } from "@tanstack/react-router";
import { api, ROOT, type Schemas } from "../api/client";
import { duration, number, share } from "../formats/numbers";
import { defined, oneOf, stringifySearch } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { DataTable } from "../ui/data-table";
import { Answered, Empty } from "../ui/notes";
import { Status } from "../ui/status";
import { useChange } from "../ui/use-change";
import type { Column } from "../ui/virtual-table";
import { USUAL_WINDOW, WindowChoice } from "../ui/window";
import { BASELINES, GROUPS, ORDERS } from "./search";

type Group = Schemas["GroupBody"];

/** What tasks took, by any group in any window, beside an earlier window if one likes. */
export function Performance() {
  const {
    window = USUAL_WINDOW,
    group = ["plan", "step"],
    order = "time",
    baseline,
    plan,
  } = useSearch({ from: "/performance" });
  const project = useProject();
  const change = useChange();
  const query = defined({ window_s: window, group, order, baseline, plan, limit: 200, ...project });
  const performance = api.useQuery("get", "/v1/performance", { params: { query } });
  const toggle = (each: (typeof GROUPS)[number]) =>
    change({ group: group.includes(each) ? group.filter((one) => one !== each) : [...group, each] });
  return (
    <>
      <header className="row between">
        <h1>{texts.pages.performance}</h1>
        <div className="row">
          <WindowChoice value={window} onChange={(seconds) => change({ window: seconds })} />
          {(["csv", "parquet"] as const).map((format) => (
            <a
              key={format}
              className="button"
              href={`${ROOT}/v1/performance${stringifySearch({ ...query, format })}`}
              download={`performance.${format}`}
            >
              {format.toUpperCase()}
            </a>
          ))}
        </div>
      </header>
      <div className="row filters">
        <fieldset className="choices plain-fieldset">
          <legend className="only-read-aloud">{texts.performance.group}</legend>
          {GROUPS.map((each) => (
            <label key={each}>
              <input type="checkbox" checked={group.includes(each)} onChange={() => toggle(each)} />
              {texts.performance.groups[each]}
            </label>
          ))}
        </fieldset>
        <label className="row">
          <span className="quiet">{texts.performance.first}</span>
          <select value={order} onChange={(event) => change({ order: oneOf(event.target.value, ORDERS) })}>
            {ORDERS.map((each) => (
              <option key={each} value={each}>
                {texts.performance.orders[each]}
              </option>
            ))}
          </select>
        </label>
        <label className="row">
          <span className="quiet">{texts.performance.baseline}</span>
          <select
            value={baseline ?? ""}
            onChange={(event) => change({ baseline: oneOf(event.target.value, BASELINES) })}
          >
            <option value="">–</option>
            {BASELINES.map((each) => (
              <option key={each} value={each}>
                {texts.performance.baselines[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Answered query={performance}>
        {({ groups }) =>
          groups.length === 0 ? (
            <Empty>{texts.performance.nothing}</Empty>
          ) : (
            <Groups groups={groups} by={group} isCompared={baseline !== undefined} />
          )
        }
      </Answered>
    </>
  );
}

interface GroupsProps {
  groups: readonly Group[];
  by: readonly (typeof GROUPS)[number][];
  isCompared: boolean;
}

function Groups({ groups, by, isCompared }: GroupsProps) {
  return (
    <DataTable
      label={texts.pages.performance}
      className="panel"
      columns={columnsFor(by, isCompared)}
      rows={groups}
      keyOf={(each) => Object.values(each.group).join("\0")}
    />
  );
}

function columnsFor(by: readonly (typeof GROUPS)[number][], isCompared: boolean): Omit<Column<Group>, "width">[] {
  const { performance } = texts;
  const names = by.map((one) => ({ key: one, title: performance.groups[one], cell: (row: Group) => row.group[one] }));
  const figure = (key: string, title: string, cell: (row: Group) => string) => ({ key, title, isNumber: true, cell });
  const compared = {
    key: "compared",
    title: performance.compared,
    cell: (row: Group) => row.comparison && <Compared {...row.comparison} />,
  };
  return [
    ...names,
    figure("tasks", performance.tasks, (row) => number(row.tasks)),
    figure("failed", performance.failed, (row) => (row.failed ? number(row.failed) : "–")),
    figure("rate", performance.rate, (row) => `${number(row.tasks_per_s)}/s`),
    figure("p50", `${performance.run} p50`, (row) => duration(row.run.p50_s)),
    figure("p95", "p95", (row) => duration(row.run.p95_s)),
    figure("p99", "p99", (row) => duration(row.run.p99_s)),
    figure("wait", `${performance.wait} p95`, (row) => duration(row.wait.p95_s)),
    figure("commit", `${performance.commit} p95`, (row) => duration(row.commit.p95_s)),
    figure("share", performance.share, (row) => share(row.run_share)),
    ...(isCompared ? [compared] : []),
  ];
}

const TONES = { faster: "succeeded", slower: "failed", same: "cancelled" } as const;

function Compared({ p50_ratio, verdict, p_value }: Schemas["ComparisonBody"]) {
  return (
    <span className="row">
      <Status status={TONES[verdict]} label={texts.performance.verdicts[verdict]} />× {number(p50_ratio)}
      <span className="quiet small">p = {p_value.toPrecision(2)}</span>
    </span>
  );
}
