import { texts } from "../../texts";
import { DataTable } from "../../ui/data-table";
import type { Column } from "../../ui/virtual-table";
import { BehindLink } from "./behind-link";
import type { Comparison } from "./groups";

type Move = Comparison["moves"][number];

/** From which theme to which documents went although these do not belong together. */
export function Moves({ comparison }: { comparison: Comparison }) {
  if (comparison.moves.length === 0) return null;
  return (
    <section className="stack">
      <h2>{texts.comparison.moves}</h2>
      <DataTable
        label={texts.comparison.moves}
        className="panel"
        columns={columnsOf(comparison)}
        rows={comparison.moves}
        keyOf={(move) => `${move.before}/${move.after}`}
      />
    </section>
  );
}

function columnsOf({ before, after }: Comparison): Omit<Column<Move>, "width">[] {
  return [
    { key: "before", title: texts.comparison.from, cell: (move) => labelOf(before, move.before) },
    { key: "after", title: texts.comparison.to, cell: (move) => labelOf(after, move.after) },
    {
      key: "documents",
      title: texts.collections.documents,
      isNumber: true,
      cell: ({ before: was, after: now, documents }) => (
        <BehindLink
          count={documents}
          to={{ change: "moved", was: [was], now: [now] }}
          label={texts.collections.documents}
        />
      ),
    },
  ];
}

/** What a theme of a run is called. */
export function labelOf(run: Comparison["before"], theme: number | null | undefined): string {
  if (theme === null || theme === undefined) return "–";
  return run.themes[theme]?.label ?? texts.collections.unsorted;
}
