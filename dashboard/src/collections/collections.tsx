import { Link } from "@tanstack/react-router";
import { api, type Schemas } from "../api/client";
import { number } from "../formats/numbers";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { DataTable } from "../ui/data-table";
import { Answered, Empty } from "../ui/notes";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import type { Column } from "../ui/virtual-table";

type Run = Schemas["WorkflowDetailBody"];

const LOOKS_MS = 3_000;

const COLUMNS: readonly Omit<Column<Run>, "width">[] = [
  {
    key: "title",
    title: texts.collections.title,
    cell: (run) => (
      <Link
        to={run.status === "succeeded" ? "/collections/$workflow" : "/workflows/$workflow"}
        params={{ workflow: run.id }}
      >
        {run.labels.title || run.name}
      </Link>
    ),
  },
  { key: "status", title: texts.workflows.status, cell: (run) => <Status status={run.status} /> },
  {
    key: "tasks",
    title: texts.workflow.tabs.tasks,
    isNumber: true,
    cell: (run) => `${number(run.progress.tasks_done)} / ${number(run.progress.tasks_known)}`,
  },
  { key: "project", title: texts.workflows.project, cell: (run) => run.project },
  { key: "owner", title: texts.workflows.owner, cell: (run) => run.owner },
  { key: "created", title: texts.workflows.created, cell: (run) => <Time at={run.created_at} /> },
];

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
            <DataTable
              label={texts.pages.collections}
              className="panel"
              columns={COLUMNS}
              rows={items}
              keyOf={(run) => run.id}
            />
          )
        }
      </Answered>
    </>
  );
}
