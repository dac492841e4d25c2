import { useEffect, useState } from "react";
import { client, type Schemas } from "../api/client";
import { follow } from "../api/follow";
import { clock } from "../formats/times";
import { stringifySearch } from "../search";
import { preferences } from "../shell/preferences";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { Status } from "../ui/status";
import { useStore } from "../ui/store";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";

export type Line = Schemas["LineBody"];

/** Which lines, as the API has it. */
export interface LineConditions {
  project?: string;
  workflow?: string;
  step?: string;
  level?: string;
  text?: string;
  part?: Schemas["Part"];
  since?: string;
  until?: string;
  request_id?: string;
}

const MOST_FOLLOWED = 5_000;

/** Lines of the log that meet conditions, the newest first; while they are followed, new ones on top. */
export function Lines({ conditions, isFollowed }: { conditions: LineConditions; isFollowed: boolean }) {
  const key = JSON.stringify(conditions);
  const lines = usePages<Line>(["lines", key], (cursor, signal) =>
    client.GET("/v1/logs", { params: { query: { limit: 500, ...conditions, ...cursor } }, signal }),
  );
  const fresh = useFresh(key, isFollowed && lines.isLoaded, lines.rows[0]?.id ?? 0);
  const seen = new Set(lines.rows.map((line) => line.id));
  const rows = [...fresh.filter((line) => !seen.has(line.id)), ...lines.rows];
  const [opened, setOpened] = useState<number>();
  if (lines.error !== null) return <ErrorNote error={lines.error} retry={lines.retry} />;
  if (lines.isLoaded && rows.length === 0) {
    return <Empty>{Object.keys(conditions).length > 1 ? texts.workflow.noLogsMatch : texts.workflow.noLogs}</Empty>;
  }
  return (
    <VirtualTable
      label={texts.pages.logs}
      columns={columnsFor(conditions.workflow === undefined, opened, setOpened)}
      rows={rows}
      keyOf={(line) => line.id}
      hasMore={lines.hasMore}
      onEnd={lines.more}
      rowHeight={34}
      detail={(line) => line.id === opened && <Whole line={line} />}
    />
  );
}

/** Lines that have come since a page was read, the newest first. */
function useFresh(key: string, isFollowed: boolean, after: number): Line[] {
  const [fresh, setFresh] = useState<Line[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the stream begins behind the page that was read first.
  useEffect(() => {
    setFresh([]);
    if (!isFollowed) return;
    const address = stringifySearch({ ...JSON.parse(key), after });
    const following = follow(`/v1/logs${address}`, (message) => {
      const line: Line = JSON.parse(message.data);
      setFresh((earlier) => [line, ...earlier].slice(0, MOST_FOLLOWED));
    });
    return () => following.stop();
  }, [key, isFollowed]);
  return fresh;
}

function columnsFor(
  isSystem: boolean,
  opened: number | undefined,
  open: (id: number | undefined) => void,
): Column<Line>[] {
  const place: Column<Line>[] = isSystem
    ? [
        { key: "part", title: texts.logs.part, width: "8rem", cell: (line) => line.part },
        {
          key: "workflow",
          title: texts.logs.workflow,
          width: "minmax(8rem, 14rem)",
          cell: (line) => line.workflow ?? "",
        },
      ]
    : [];
  return [
    {
      key: "open",
      title: <span className="only-read-aloud">{texts.workflow.details}</span>,
      width: "2.75rem",
      cell: (line) => (
        <button
          type="button"
          className="plain"
          aria-label={texts.workflow.details}
          aria-expanded={line.id === opened}
          onClick={() => open(line.id === opened ? undefined : line.id)}
        >
          {line.id === opened ? "▾" : "▸"}
        </button>
      ),
    },
    { key: "at", title: texts.logs.at, width: "7.5rem", cell: (line) => <Clock at={line.at} /> },
    {
      key: "level",
      title: texts.workflow.level,
      width: "6.5rem",
      cell: (line) => <Status status={line.level === "error" ? "failed" : line.level} label={line.level} />,
    },
    ...place,
    { key: "step", title: texts.workflow.step, width: "minmax(7rem, 12rem)", cell: stepOf },
    {
      key: "message",
      title: texts.workflow.message,
      width: "minmax(20rem, 1fr)",
      cell: (line) => <span className="mono log-line">{line.message.slice(0, 2000)}</span>,
    },
  ];
}

function stepOf(line: Line) {
  return line.step === null ? "" : line.partition === null ? line.step : `${line.step} / ${line.partition}`;
}

function Clock({ at }: { at: string }) {
  const { zone } = useStore(preferences);
  return (
    <time dateTime={at} title={at} className="mono">
      {clock(at, zone)}
    </time>
  );
}

/** Everything that a line says. */
function Whole({ line }: { line: Line }) {
  return <pre>{JSON.stringify(line, null, 2)}</pre>;
}
