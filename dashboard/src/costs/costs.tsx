import { useSearch } from "@tanstack/react-router";
import { api, ROOT, type Schemas } from "../api/client";
import { number } from "../formats/numbers";
import { stringifySearch } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { DataTable } from "../ui/data-table";
import { Answered, Empty } from "../ui/notes";
import { useChange } from "../ui/use-change";
import type { Column } from "../ui/virtual-table";
import { WindowChoice } from "../ui/window";
import { COST_GROUPS } from "./search";

type Cost = Schemas["CostsBody"]["groups"][number];

const MONTH_S = 2_592_000;

/** What work used and cost, by whom and for what. */
export function Costs() {
  const { window = MONTH_S, group = ["project", "owner"] } = useSearch({ from: "/costs" });
  const project = useProject();
  const change = useChange();
  const query = { window_s: window, group, limit: 500, ...project };
  const costs = api.useQuery("get", "/v1/costs", { params: { query } });
  return (
    <>
      <header className="row between">
        <h1>{texts.pages.costs}</h1>
        <div className="row">
          <WindowChoice value={window} onChange={(seconds) => change({ window: seconds })} />
          <a
            className="button"
            href={`${ROOT}/v1/costs${stringifySearch({ ...query, format: "csv" })}`}
            download="costs.csv"
          >
            CSV
          </a>
        </div>
      </header>
      <fieldset className="choices plain-fieldset filters">
        <legend className="only-read-aloud">{texts.performance.group}</legend>
        {COST_GROUPS.map((each) => (
          <label key={each}>
            <input
              type="checkbox"
              checked={group.includes(each)}
              onChange={() =>
                change({ group: group.includes(each) ? group.filter((one) => one !== each) : [...group, each] })
              }
            />
            {texts.performance.groups[each]}
          </label>
        ))}
      </fieldset>
      <Answered query={costs}>
        {({ groups }) =>
          groups.length === 0 ? (
            <Empty>{texts.performance.nothing}</Empty>
          ) : (
            <DataTable
              label={texts.pages.costs}
              className="panel"
              columns={columnsFor(group)}
              rows={groups}
              keyOf={(each) => Object.values(each.group).join("\0")}
            />
          )
        }
      </Answered>
    </>
  );
}

function columnsFor(group: readonly (typeof COST_GROUPS)[number][]): Omit<Column<Cost>, "width">[] {
  const names = group.map((each) => ({
    key: each,
    title: texts.performance.groups[each],
    cell: (row: Cost) => row.group[each],
  }));
  return [
    ...names,
    { key: "cpu", title: texts.overview.cpuHours, isNumber: true, cell: (row) => number(row.cpu_hours) },
    { key: "gpu", title: texts.overview.gpuHours, isNumber: true, cell: (row) => number(row.gpu_hours) },
    { key: "memory", title: texts.overview.memoryHours, isNumber: true, cell: (row) => number(row.memory_gib_hours) },
    { key: "cost", title: texts.overview.costs, isNumber: true, cell: (row) => number(row.cost) },
  ];
}
