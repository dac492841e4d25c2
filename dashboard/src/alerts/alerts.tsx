import { Link, useSearch } from "@tanstack/react-router";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Channels } from "./channels";
import { AlertList } from "./list";
import { Rules } from "./rules";
import { ALERT_PARTS } from "./search";
import { Silences } from "./silences";

/** What is wrong, by which rules, and who is told. */
export function Alerts() {
  const { part = "alerts" } = useSearch({ from: "/alerts" });
  const project = useProject();
  return (
    <>
      <h1>{texts.pages.alerts}</h1>
      <nav className="tabs" aria-label={texts.pages.alerts}>
        {ALERT_PARTS.map((each) => (
          <Link
            key={each}
            to="/alerts"
            search={{ ...project, part: each }}
            data-status={each === part ? "active" : undefined}
            aria-current={each === part ? "page" : undefined}
          >
            {texts.alerts.parts[each]}
          </Link>
        ))}
      </nav>
      {part === "alerts" && <AlertList />}
      {part === "rules" && <Rules />}
      {part === "silences" && <Silences />}
      {part === "channels" && <Channels />}
    </>
  );
}
