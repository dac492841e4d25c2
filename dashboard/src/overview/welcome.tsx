import { Link } from "@tanstack/react-router";
import { useProject } from "../shell/project";
import { texts } from "../texts";

/** Leads a newcomer to a first result. */
export function Welcome() {
  const project = useProject();
  const ways = [
    ["demo", texts.overview.demo, texts.overview.demoText],
    ["files", texts.overview.file, texts.overview.fileText],
    ["plans", texts.overview.plan, texts.overview.planText],
  ] as const;
  return (
    <div className="stack">
      <h1>{texts.overview.welcome}</h1>
      <p className="quiet">{texts.overview.welcomeText}</p>
      <div className="welcome">
        {ways.map(([from, title, text]) => (
          <Link key={from} to="/start" search={{ ...project, from }}>
            <h2>{title}</h2>
            <p className="quiet">{text}</p>
          </Link>
        ))}
      </div>
    </div>
  );
}
