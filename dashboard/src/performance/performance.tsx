import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, ROOT, type Schemas } from "../api/client";
import { duration, number, share } from "../formats/numbers";
import { defined, oneOf, stringifySearch } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Answered, Empty } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Status } from "../ui/status";
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
  const navigate = useNavigate();
  const change = (changes: object) =>
    void navigate({
      to: "/performance",
      search: (earlier: object) => defined({ ...earlier, ...changes }),
      replace: true,
    });
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
  const { performance } = texts;
  return (
    <Scrolls label={texts.pages.performance} className="panel">
      <table>
        <thead>
          <tr>
            {by.map((each) => (
              <th key={each}>{performance.groups[each]}</th>
            ))}
            <th className="number">{performance.tasks}</th>
            <th className="number">{performance.failed}</th>
            <th className="number">{performance.rate}</th>
            <th className="number">{performance.run} p50</th>
            <th className="number">p95</th>
            <th className="number">p99</th>
            <th className="number">{performance.wait} p95</th>
            <th className="number">{performance.commit} p95</th>
            <th className="number">{performance.share}</th>
            {isCompared && <th>{performance.compared}</th>}
          </tr>
        </thead>
        <tbody>
          {groups.map((each) => (
            <tr key={Object.values(each.group).join("\0")}>
              {by.map((one) => (
                <td key={one}>{each.group[one]}</td>
              ))}
              <td className="number">{number(each.tasks)}</td>
              <td className="number">{each.failed ? number(each.failed) : "–"}</td>
              <td className="number">{number(each.tasks_per_s)}/s</td>
              <td className="number">{duration(each.run.p50_s)}</td>
              <td className="number">{duration(each.run.p95_s)}</td>
              <td className="number">{duration(each.run.p99_s)}</td>
              <td className="number">{duration(each.wait.p95_s)}</td>
              <td className="number">{duration(each.commit.p95_s)}</td>
              <td className="number">{share(each.run_share)}</td>
              {isCompared && <td>{each.comparison && <Compared {...each.comparison} />}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolls>
  );
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
