import { Link } from "@tanstack/react-router";
import { number } from "../formats/numbers";
import { texts } from "../texts";
import { Status } from "../ui/status";
import { Time, Took } from "../ui/time";
import type { Column } from "../ui/virtual-table";
import type { Workflow } from "./use-workflows";

const ALL: readonly Column<Workflow>[] = [
  { key: "status", title: texts.workflows.status, width: "8.5rem", cell: (row) => <Status status={row.status} /> },
  {
    key: "name",
    title: texts.workflows.name,
    width: "minmax(14rem, 2fr)",
    cell: (row) => (
      <Link to="/workflows/$workflow" params={{ workflow: row.id }}>
        {row.name}
      </Link>
    ),
  },
  {
    key: "labels",
    title: texts.workflows.labels,
    width: "minmax(8rem, 1.5fr)",
    cell: (row) => <span className="quiet">{labelsOf(row.labels)}</span>,
  },
  { key: "created", title: texts.workflows.created, width: "11rem", cell: (row) => <Time at={row.created_at} /> },
  {
    key: "took",
    title: texts.workflows.took,
    width: "7rem",
    isNumber: true,
    cell: (row) => <Took from={row.started_at} to={row.finished_at} />,
  },
  { key: "owner", title: texts.workflows.owner, width: "8rem", cell: (row) => row.owner },
  { key: "project", title: texts.workflows.project, width: "8rem", cell: (row) => row.project },
  {
    key: "in_flight",
    title: texts.workflows.inFlight,
    width: "6rem",
    isNumber: true,
    cell: (row) => number(row.in_flight),
  },
  { key: "priority", title: texts.workflows.priority, width: "6rem", isNumber: true, cell: (row) => row.priority },
  { key: "error", title: texts.workflows.error, width: "minmax(10rem, 1.5fr)", cell: (row) => errorOf(row.error) },
  { key: "started", title: texts.workflows.started, width: "11rem", cell: (row) => <Time at={row.started_at} /> },
  { key: "finished", title: texts.workflows.finished, width: "11rem", cell: (row) => <Time at={row.finished_at} /> },
  { key: "id", title: texts.workflows.id, width: "20rem", cell: (row) => <span className="mono">{row.id}</span> },
];
const USUAL = ["status", "name", "labels", "created", "took", "owner", "project", "error"];

export const COLUMNS = ALL.map(({ key, title }) => ({ key, title: String(title) }));

/** The columns that an address names; the usual ones if it names none. */
export function chosenColumns(keys: readonly string[] | undefined): string[] {
  return keys ? [...keys] : USUAL;
}

export function columnsOf(
  keys: readonly string[],
  selected: ReadonlySet<string>,
  toggle: (id: string) => void,
): Column<Workflow>[] {
  const select: Column<Workflow> = {
    key: "select",
    title: <span className="only-read-aloud">{texts.workflows.selectOne}</span>,
    width: "2.25rem",
    cell: (row) => (
      <input
        type="checkbox"
        aria-label={texts.workflows.select(row.name)}
        checked={selected.has(row.id)}
        onChange={() => toggle(row.id)}
      />
    ),
  };
  return [select, ...ALL.filter((column) => keys.includes(column.key))];
}

export function labelsOf(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** An error in a line. */
export function errorOf(error: { [key: string]: unknown } | null): string {
  return error === null ? "" : `${error.error_type ?? ""} ${error.message ?? ""}`.trim();
}
