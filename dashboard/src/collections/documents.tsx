import { Link } from "@tanstack/react-router";
import { client } from "../api/client";
import { share } from "../formats/numbers";
import { defined } from "../search";
import { texts } from "../texts";
import { ErrorNote } from "../ui/notes";
import { Time } from "../ui/time";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";
import type { DocumentRow } from "./rows";

/** Which documents; all of them by default. */
export interface Wanted {
  themes?: readonly number[];
  since?: string;
  until?: string;
}

interface DocumentsProps {
  workflow: string;
  wanted: Wanted;
  onOpen: (document: string) => void;
}

const SHOWN = 160;

/** Documents in the order of the collection. */
export function Documents({ workflow, wanted, onOpen }: DocumentsProps) {
  const { themes, since, until } = wanted;
  const documents = usePages<DocumentRow>(["documents", workflow, themes, since, until], async (cursor, signal) => {
    const query = defined({ limit: 100, theme: themes?.slice(), since, until, ...cursor });
    const params = { path: { workflow }, query };
    const { data } = await client.GET("/v1/pipeline/{workflow}/documents", { params, signal });
    return {
      data: data as { items: object[]; next?: string | null } as { items: DocumentRow[]; next?: string | null },
    };
  });
  if (documents.error !== null) return <ErrorNote error={documents.error} retry={documents.retry} />;
  return (
    <VirtualTable
      label={texts.collections.parts.documents}
      columns={columnsFor(onOpen)}
      rows={documents.rows}
      keyOf={(row) => row.document_id}
      hasMore={documents.hasMore}
      onEnd={documents.more}
    />
  );
}

/** The documents of one theme, or of all, with the way from the one to the other. */
export function DocumentsTab({
  workflow,
  theme,
  onOpen,
}: Omit<DocumentsProps, "wanted"> & { theme?: number | undefined }) {
  return (
    <div className="stack">
      {theme !== undefined && (
        <p>
          {texts.collections.ofTheme(theme)}{" "}
          <Link to="/collections/$workflow" params={{ workflow }} search={{ part: "documents" }}>
            {texts.collections.allThemes}
          </Link>
        </p>
      )}
      <Documents workflow={workflow} wanted={theme === undefined ? {} : { themes: [theme] }} onOpen={onOpen} />
    </div>
  );
}

function columnsFor(onOpen: (document: string) => void): Column<DocumentRow>[] {
  return [
    {
      key: "title",
      title: texts.collections.document,
      width: "minmax(16rem, 2fr)",
      cell: (row) => (
        <button type="button" className="link" onClick={() => onOpen(row.document_id)}>
          {row.title || row.text.slice(0, SHOWN)}
        </button>
      ),
    },
    {
      key: "theme",
      title: texts.collections.theme,
      width: "6rem",
      isNumber: true,
      cell: (row) => (row.theme === null || row.theme < 0 ? texts.collections.unsorted : row.theme),
    },
    {
      key: "confidence",
      title: texts.collections.confidence,
      width: "7rem",
      isNumber: true,
      cell: (row) => (row.confidence === null ? "–" : share(row.confidence)),
    },
    { key: "time", title: texts.collections.time, width: "11rem", cell: (row) => <Time at={row.time} /> },
    { key: "language", title: texts.collections.language, width: "6rem", cell: (row) => row.language },
    { key: "source", title: texts.collections.source, width: "minmax(10rem, 1fr)", cell: (row) => row.source },
    {
      key: "id",
      title: texts.workflows.id,
      width: "minmax(10rem, 1fr)",
      cell: (row) => <span className="mono">{row.document_id}</span>,
    },
  ];
}
