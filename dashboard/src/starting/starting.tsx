import { Link, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useProject } from "../shell/project";
import { hasRole, useSession } from "../shell/session";
import { texts } from "../texts";
import { Collection } from "./collection";
import { RegisteredPlans } from "./registered-plans";
import { WAYS } from "./search";
import "./starting.css";

const YamlPlan = lazy(() => import("./yaml-plan"));

/** Ways to start a workflow. */
export function Starting() {
  const { from = "demo" } = useSearch({ from: "/start" });
  const project = useProject();
  return (
    <>
      <h1>{texts.start.title}</h1>
      <nav className="tabs" aria-label={texts.start.title}>
        {WAYS.map((way) => (
          <Link
            key={way}
            to="/start"
            search={{ ...project, from: way }}
            data-status={way === from ? "active" : undefined}
            aria-current={way === from ? "page" : undefined}
          >
            {texts.start[way]}
          </Link>
        ))}
      </nav>
      <Suspense fallback={<p className="quiet">{texts.shell.loading}</p>}>
        {from === "demo" && <Collection key="demo" isDemo />}
        {from === "files" && <Collection key="files" isDemo={false} />}
        {from === "plans" && <RegisteredPlans />}
        {from === "yaml" && <YamlPlan />}
      </Suspense>
    </>
  );
}

/** The project that something new goes into: the one of the page, or the only one where its starter may. */
export function useTarget(): { project?: string } {
  const chosen = useProject();
  const session = useSession();
  if (chosen.project || session.state !== "signed-in") return chosen;
  const profile = session.profile;
  const mine = Object.keys(profile.roles).filter((each) => hasRole(profile, "operator", each));
  const usual = profile.default_project ?? (mine.length === 1 ? mine[0] : undefined);
  return usual ? { project: usual } : {};
}
