import { Link, useSearch } from "@tanstack/react-router";
import { useSession } from "../shell/session";
import { texts } from "../texts";
import { Audit } from "./audit";
import { Limits } from "./limits";
import { Projects } from "./projects";
import { PARTS } from "./search";
import { Users } from "./users";

/** People and projects, and what was done by whom. */
export function Administration() {
  const { part = "projects" } = useSearch({ from: "/administration" });
  const session = useSession();
  if (session.state !== "signed-in") return null;
  const isSystem = session.profile.is_system_administrator;
  return (
    <>
      <h1>{texts.pages.administration}</h1>
      <nav className="tabs" aria-label={texts.pages.administration}>
        {PARTS.filter((each) => isSystem || each === "projects").map((each) => (
          <Link
            key={each}
            to="/administration"
            search={{ part: each }}
            data-status={each === part ? "active" : undefined}
            aria-current={each === part ? "page" : undefined}
          >
            {texts.administration[each]}
          </Link>
        ))}
      </nav>
      {part === "projects" && <Projects profile={session.profile} />}
      {part === "users" && isSystem && <Users />}
      {part === "limits" && isSystem && <Limits />}
      {part === "audit" && isSystem && <Audit />}
    </>
  );
}
