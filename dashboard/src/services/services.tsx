import { api } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { Answered, Empty } from "../ui/notes";
import { Scrolls } from "../ui/scrolls";
import { Status } from "../ui/status";
import { Time } from "../ui/time";

const LOOKS_MS = 5_000;

/** Phases that run elsewhere, and how they are. */
export function Services() {
  const project = useProject();
  const query = { limit: 200, ...project };
  const services = api.useQuery("get", "/v1/services", { params: { query } }, { refetchInterval: LOOKS_MS });
  return (
    <>
      <h1>{texts.pages.services}</h1>
      <Answered query={services}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{texts.services.none}</Empty>
          ) : (
            <Scrolls label={texts.pages.services} className="panel">
              <table>
                <thead>
                  <tr>
                    <th>{texts.workflows.name}</th>
                    <th>{texts.services.version}</th>
                    <th>{texts.workflows.status}</th>
                    <th>{texts.services.url}</th>
                    <th>{texts.workflows.project}</th>
                    <th className="number">{texts.services.weight}</th>
                    <th>{texts.services.heartbeat}</th>
                    <th>{texts.services.checked}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((each) => (
                    <tr key={each.id}>
                      <td>{each.name}</td>
                      <td>{each.version}</td>
                      <td>
                        <Status status={each.is_healthy ? "ok" : "down"} />
                      </td>
                      <td className="mono">{each.url}</td>
                      <td>{each.project}</td>
                      <td className="number">{each.weight}</td>
                      <td>
                        <Time at={each.heartbeat_at} />
                      </td>
                      <td>
                        <Time at={each.checked_at} />
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
