import { useNavigate, useSearch } from "@tanstack/react-router";
import { api } from "../api/client";
import { defined, integer, type RawSearch } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { USUAL_WINDOW, WindowChoice } from "../ui/window";
import { Counts } from "./counts";
import { Alerts, Costs, Ended, Failures, Parts, Slowest, Waiting } from "./panels";
import { Welcome } from "./welcome";
import "./overview.css";

export const overviewSearch = (raw: RawSearch) => defined({ window: integer(raw.window) });

/** What runs, what failed and why, what waits, and what it took; each number leads to the list behind it. */
export function Overview() {
  const { window = USUAL_WINDOW } = useSearch({ from: "/" });
  const project = useProject();
  const navigate = useNavigate();
  const latest = api.useQuery("get", "/v1/workflows", { params: { query: { limit: 1, ...project } } });
  if (latest.data?.items.length === 0) return <Welcome />;
  return (
    <>
      <header className="row between">
        <h1>{texts.pages.overview}</h1>
        <WindowChoice
          value={window}
          onChange={(seconds) => void navigate({ to: "/", search: { ...project, window: seconds } })}
        />
      </header>
      <Counts />
      <div className="tiles">
        <Failures />
        <Waiting />
        <Ended window={window} />
        <Alerts />
        <Slowest window={window} />
        <Costs window={window} />
        <Parts />
      </div>
    </>
  );
}
