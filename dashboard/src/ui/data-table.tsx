import { Scrolls } from "./scrolls";
import type { Column } from "./virtual-table";

interface DataTableProps<Row> {
  label: string;
  columns: readonly Omit<Column<Row>, "width">[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  className?: string;
}

/** A plain table of rows that are few enough to be all in the page. */
export function DataTable<Row>({ label, columns, rows, keyOf, className }: DataTableProps<Row>) {
  const classOf = (column: { isNumber?: boolean }) => (column.isNumber ? "number" : undefined);
  return (
    <Scrolls label={label} {...(className ? { className } : {})}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} className={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.key} className={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolls>
  );
}

/** The head of a column of buttons: read aloud only, as the buttons have their own words. */
export function ActsHead({ children }: { children: string }) {
  return <span className="only-read-aloud">{children}</span>;
}
