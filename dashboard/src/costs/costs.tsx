import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, ROOT } from "../api/client";
import { number } from "../formats/numbers";
import { defined, stringifySearch } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Answered, Empty } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { WindowChoice } from "../ui/window";
import { COST_GROUPS } from "./search";

const MONTH_S = 2_592_000;

/** What work used and cost, by whom and for what. */
export function Costs() {
  const { window = MONTH_S, group = ["project", "owner"] } = useSearch({ from: "/costs" });
  const project = useProject();
  const navigate = useNavigate();
  const change = (changes: object) =>
    void navigate({ to: "/costs", search: (earlier: object) => defined({ ...earlier, ...changes }), replace: true });
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
            <Scrolls label={texts.pages.costs} className="panel">
              <table>
                <thead>
                  <tr>
                    {group.map((each) => (
                      <th key={each}>{texts.performance.groups[each]}</th>
                    ))}
                    <th className="number">{texts.overview.cpuHours}</th>
                    <th className="number">{texts.overview.gpuHours}</th>
                    <th className="number">{texts.overview.memoryHours}</th>
                    <th className="number">{texts.overview.costs}</th>
                  </tr>
                </thead>
                <tbody>
                  {groups.map((each) => (
                    <tr key={Object.values(each.group).join("\0")}>
                      {group.map((one) => (
                        <td key={one}>{each.group[one]}</td>
                      ))}
                      <td className="number">{number(each.cpu_hours)}</td>
                      <td className="number">{number(each.gpu_hours)}</td>
                      <td className="number">{number(each.memory_gib_hours)}</td>
                      <td className="number">{number(each.cost)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scrolls>
          )
        }
      </Answered>
    </>
  );
}
