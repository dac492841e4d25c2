import { Link } from "@tanstack/react-router";
import { api } from "../api/client";
import { number } from "../formats/numbers";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Answered, Empty } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Status } from "../ui/status";
import { Time } from "../ui/time";

const LOOKS_MS = 3_000;

/** Runs of the content pipeline; those that have succeeded can be explored. */
export function Collections() {
  const project = useProject();
  const query = { limit: 100, ...project };
  const runs = api.useQuery("get", "/v1/pipeline/status", { params: { query } }, { refetchInterval: LOOKS_MS });
  return (
    <>
      <h1>{texts.pages.collections}</h1>
      <Answered query={runs}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>
              <Link to="/start" search={{ ...project, from: "demo" }}>
                {texts.collections.none}
              </Link>
            </Empty>
          ) : (
            <Scrolls label={texts.pages.collections} className="panel">
              <table>
                <thead>
                  <tr>
                    <th>{texts.collections.title}</th>
                    <th>{texts.workflows.status}</th>
                    <th className="number">{texts.workflow.tabs.tasks}</th>
                    <th>{texts.workflows.project}</th>
                    <th>{texts.workflows.owner}</th>
                    <th>{texts.workflows.created}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((run) => (
                    <tr key={run.id}>
                      <td>
                        <Link
                          to={run.status === "succeeded" ? "/collections/$workflow" : "/workflows/$workflow"}
                          params={{ workflow: run.id }}
                        >
                          {run.labels.title || run.name}
                        </Link>
                      </td>
                      <td>
                        <Status status={run.status} />
                      </td>
                      <td className="number">
                        {number(run.progress.tasks_done)} / {number(run.progress.tasks_known)}
                      </td>
                      <td>{run.project}</td>
                      <td>{run.owner}</td>
                      <td>
                        <Time at={run.created_at} />
                      </td>
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
