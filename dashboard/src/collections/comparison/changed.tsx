import { Link, useSearch } from "@tanstack/react-router";
import { client, type Schemas } from "../../api/client";
import { defined } from "../../search";
import { texts } from "../../texts";
import { Empty, ErrorNote } from "../../ui/notes";
import { usePages } from "../../ui/use-pages";
import { type Column, VirtualTable } from "../../ui/virtual-table";
import type { Change, Comparison } from "./groups";
import { labelOf } from "./moves";

type Row = Schemas["ChangedDocumentBody"];

interface ChangedProps {
  comparison: Comparison;
  change: Change;
  onOpen: (document: string) => void;
}

/** The documents behind a number of the comparison. */
export function Changed({ comparison, change, onOpen }: ChangedProps) {
  const { by, was, now, ...rest } = useSearch({ from: "/collections/$workflow" });
  const [before, workflow] = [comparison.before.id, comparison.after.id];
  const key = ["changed", workflow, before, by, change, was, now];
  const documents = usePages<Row>(key, async (cursor, signal) => {
    const query = { before, ...defined({ by, change, theme_before: was, theme_after: now, limit: 100, ...cursor }) };
    return client.GET("/v1/pipeline/{workflow}/comparison/documents", {
      params: { path: { workflow }, query },
      signal,
    });
  });
  const back = defined({ part: rest.part, before: rest.before, by, kind: rest.kind });
  if (documents.error !== null) return <ErrorNote error={documents.error} retry={documents.retry} />;
  return (
    <section className="stack">
      <div className="row">
        <Link to="." search={back} className="button">
          ← {texts.comparison.back}
        </Link>
        <h2>{texts.comparison.changes[change]}</h2>
        {was && (
          <span>{texts.comparison.wereIn(was.map((theme) => labelOf(comparison.before, theme)).join("; "))}</span>
        )}
        {now && <span>{texts.comparison.areIn(now.map((theme) => labelOf(comparison.after, theme)).join("; "))}</span>}
      </div>
      {documents.isLoaded && documents.rows.length === 0 ? (
        <Empty>{texts.comparison.noDocuments}</Empty>
      ) : (
        <VirtualTable
          label={texts.comparison.changes[change]}
          columns={columnsOf(comparison, onOpen)}
          rows={documents.rows}
          keyOf={(row) => row.document_id}
          hasMore={documents.hasMore}
          onEnd={documents.more}
        />
      )}
    </section>
  );
}

function columnsOf(comparison: Comparison, onOpen: (document: string) => void): Column<Row>[] {
  return [
    {
      key: "title",
      title: texts.collections.document,
      width: "minmax(18rem, 2fr)",
      cell: (row) => (
        <button type="button" className="link" onClick={() => onOpen(row.document_id)}>
          {row.title || row.snippet || row.document_id}
        </button>
      ),
    },
    {
      key: "before",
      title: texts.comparison.before,
      width: "minmax(12rem, 1fr)",
      cell: (row) => labelOf(comparison.before, row.theme_before),
    },
    {
      key: "after",
      title: texts.comparison.after,
      width: "minmax(12rem, 1fr)",
      cell: (row) => labelOf(comparison.after, row.theme_after),
    },
    {
      key: "id",
      title: texts.workflows.id,
      width: "minmax(9rem, 1fr)",
      cell: (row) => <span className="mono">{row.document_id}</span>,
    },
  ];
}
