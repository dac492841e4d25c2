import { client } from "../api/client";
import { number } from "../formats/numbers";
import { texts } from "../texts";
import { ErrorNote } from "../ui/notes";
import { usePages } from "../ui/use-pages";
import { type Column, VirtualTable } from "../ui/virtual-table";
import type { Motif } from "./rows";

const COLUMNS: readonly Column<Motif>[] = [
  {
    key: "motif",
    title: texts.collections.motif,
    width: "minmax(14rem, 2fr)",
    cell: (row) => <strong>{row.motif}</strong>,
  },
  { key: "count", title: texts.collections.count, width: "7rem", isNumber: true, cell: (row) => number(row.count) },
  {
    key: "documents",
    title: texts.collections.documents,
    width: "8rem",
    isNumber: true,
    cell: (row) => number(row.documents),
  },
  {
    key: "score",
    title: texts.collections.score,
    width: "8rem",
    isNumber: true,
    cell: (row) => number(Math.round(row.score)),
  },
  { key: "category", title: texts.collections.category, width: "minmax(9rem, 1fr)", cell: (row) => row.category },
  { key: "parent", title: texts.collections.parent, width: "minmax(10rem, 1fr)", cell: (row) => row.parent },
];

/** Phrases that recur more often than chance has it, the best first. */
export function Motifs({ workflow }: { workflow: string }) {
  const motifs = usePages<Motif>(["motifs", workflow], async (cursor, signal) => {
    const params = { path: { workflow }, query: { limit: 200, ...cursor } };
    const { data } = await client.GET("/v1/pipeline/{workflow}/motifs", { params, signal });
    return { data: data as { items: object[]; next?: string | null } as { items: Motif[]; next?: string | null } };
  });
  if (motifs.error !== null) return <ErrorNote error={motifs.error} retry={motifs.retry} />;
  return (
    <VirtualTable
      label={texts.collections.parts.motifs}
      columns={COLUMNS}
      rows={motifs.rows}
      keyOf={(row) => row.motif}
      hasMore={motifs.hasMore}
      onEnd={motifs.more}
    />
  );
}
