import { useMemo } from "react";
import { texts } from "../texts";
import { imageOf } from "./image";
import { Picture } from "./picture";
import { Scrolls } from "./scrolls";
import { shapeOf } from "./shape";

const MOST_ROWS = 200;
const MOST_CHARACTERS = 20_000;

type Row = Record<string, unknown>;

function isTable(value: unknown): value is Row[] {
  const isRow = (each: unknown) => typeof each === "object" && each !== null && !Array.isArray(each);
  return Array.isArray(value) && value.length > 0 && value.every(isRow);
}

/** The rows of a value that is a table: a list of objects, or an object of lists of the same length. */
export function rowsOf(value: unknown): Row[] | null {
  if (isTable(value)) return value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const columns = Object.entries(value);
  const [first] = columns;
  if (!first || !columns.every(([, each]) => Array.isArray(each) && each.length === (first[1] as unknown[]).length))
    return null;
  return (first[1] as unknown[]).map((_, index) =>
    Object.fromEntries(columns.map(([key, each]) => [key, each[index]])),
  );
}

/** A value as it is looked at best: tables as tables, text as text, everything else as JSON. */
export function Value({ value }: { value: unknown }) {
  const shape = useMemo(() => shapeOf(value), [value]);
  const image = useMemo(() => (typeof value === "string" ? imageOf(value) : null), [value]);
  const rows = rowsOf(value);
  if (rows && rows.length > 0) return <RowsTable rows={rows} />;
  if (shape) return <ArrayTable rows={value as unknown[]} shape={shape} />;
  if (image) return <Picture image={image} />;
  if (typeof value === "string") return <pre>{value.slice(0, MOST_CHARACTERS)}</pre>;
  return <pre>{JSON.stringify(value, null, 2)?.slice(0, MOST_CHARACTERS)}</pre>;
}

function RowsTable({ rows }: { rows: readonly Row[] }) {
  const columns = [...new Set(rows.slice(0, MOST_ROWS).flatMap((row) => Object.keys(row)))];
  return (
    <Scrolls label={texts.workflow.tabs.results}>
      <table className="small">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column}>{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column}>{inCell(row[column])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS && <p className="quiet small">… {rows.length - MOST_ROWS}</p>}
    </Scrolls>
  );
}

const MOST_ARRAY_COLUMNS = 50;

/** An array of numbers: its shape, and its first rows. */
function ArrayTable({ rows, shape }: { rows: readonly unknown[]; shape: readonly number[] }) {
  const label = texts.workflow.array(shape.join(" × "));
  return (
    <>
      <p className="quiet small">{label}</p>
      <Scrolls label={label}>
        <table className="small array">
          <tbody>
            {rows.slice(0, MOST_ROWS).map((row, index) => (
              <tr key={index}>
                <th className="number">{index}</th>
                {[row]
                  .flat(1)
                  .slice(0, MOST_ARRAY_COLUMNS)
                  .map((each, column) => (
                    <td key={column} className="number">
                      {inCell(each)}
                    </td>
                  ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
      {rows.length > MOST_ROWS && <p className="quiet small">… {rows.length - MOST_ROWS}</p>}
    </>
  );
}

const MOST_IN_CELL = 400;

function inCell(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length > MOST_IN_CELL ? `${text.slice(0, MOST_IN_CELL)} …` : text;
}
