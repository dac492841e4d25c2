import { client, type Schemas } from "../api/client";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { Time } from "../ui/time";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";
import { useWorkflowId } from "./use-workflow";

type Event = Schemas["EventBody"];

const COLUMNS: readonly Column<Event>[] = [
  { key: "at", title: texts.workflow.began, width: "13rem", cell: (event) => <Time at={event.at} /> },
  { key: "kind", title: texts.workflow.kinds, width: "14rem", cell: (event) => event.kind.replaceAll("_", " ") },
  { key: "by", title: texts.workflow.who, width: "10rem", cell: (event) => String(event.data.by ?? "") },
  {
    key: "data",
    title: texts.workflow.details,
    width: "minmax(16rem, 1fr)",
    cell: (event) => <span className="wraps">{detailsOf(event.data)}</span>,
  },
];

function detailsOf(data: { [key: string]: unknown }): string {
  return Object.entries(data)
    .filter(([key, value]) => key !== "by" && value !== null && value !== "")
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("   ");
}

/** The workflow's history: who did what, when and why. */
export function EventsTab() {
  const id = useWorkflowId();
  const events = usePages<Event>(["events", id], (cursor, signal) =>
    client.GET("/v1/workflows/{workflow}/events", {
      params: { path: { workflow: id }, query: { limit: 500, ...cursor } },
      signal,
    }),
  );
  if (events.error !== null) return <ErrorNote error={events.error} retry={events.retry} />;
  if (events.isLoaded && events.rows.length === 0) return <Empty>{texts.workflow.noEvents}</Empty>;
  return (
    <VirtualTable
      label={texts.workflow.tabs.events}
      columns={COLUMNS}
      rows={events.rows}
      keyOf={(event) => event.id}
      hasMore={events.hasMore}
      onEnd={events.more}
    />
  );
}
