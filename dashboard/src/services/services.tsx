import { api, type Schemas } from "../api/client";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { DataTable } from "../ui/data-table";
import { Answered, Empty } from "../ui/notes";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import type { Column } from "../ui/virtual-table";

type Service = Schemas["ServiceBody"];

const LOOKS_MS = 5_000;

const COLUMNS: readonly Omit<Column<Service>, "width">[] = [
  { key: "name", title: texts.workflows.name, cell: (each) => each.name },
  { key: "version", title: texts.services.version, cell: (each) => each.version },
  { key: "status", title: texts.workflows.status, cell: (each) => <Status status={each.is_healthy ? "ok" : "down"} /> },
  { key: "url", title: texts.services.url, cell: (each) => <span className="mono">{each.url}</span> },
  { key: "project", title: texts.workflows.project, cell: (each) => each.project },
  { key: "weight", title: texts.services.weight, isNumber: true, cell: (each) => each.weight },
  { key: "heartbeat", title: texts.services.heartbeat, cell: (each) => <Time at={each.heartbeat_at} /> },
  { key: "checked", title: texts.services.checked, cell: (each) => <Time at={each.checked_at} /> },
];

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
            <DataTable
              label={texts.pages.services}
              className="panel"
              columns={COLUMNS}
              rows={items}
              keyOf={(each) => each.id}
            />
          )
        }
      </Answered>
    </>
  );
}
