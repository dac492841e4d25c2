import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import "./virtual-table.css";

export interface Column<Row> {
  key: string;
  title: ReactNode;
  /** Of CSS grid, as in `minmax(8rem, 1fr)`. */
  width: string;
  isNumber?: boolean;
  cell: (row: Row) => ReactNode;
}

interface VirtualTableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  /** Called when the last rows come into sight. */
  onEnd?: (() => void) | undefined;
  hasMore?: boolean;
  /** Shown under a row. */
  detail?: (row: Row) => ReactNode;
  /** The height of a row before it is drawn, in pixels. */
  rowHeight?: number;
  /** Keep the last row in sight. */
  isTailing?: boolean;
}

const FIRST_HEIGHT = 37;
const OVERSCAN = 12;
const NEAR_END = 20;

/** The least width of a column, the first part of a `minmax`. */
function leastOf(width: string): string {
  return /minmax\(([^,]+),/.exec(width)?.[1] ?? width;
}

/** A table of any length: only the rows in sight are in the page. */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, columns, rows, keyOf, onEnd, hasMore = false, detail, rowHeight = FIRST_HEIGHT, isTailing } = props;
  const viewport = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => viewport.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    getItemKey: (index) => keyOf(rows[index] as Row),
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= rows.length - NEAR_END) onEnd?.();
  }, [hasMore, last, rows.length, onEnd]);
  useEffect(() => {
    if (isTailing && rows.length > 0) virtual.scrollToIndex(rows.length - 1);
  }, [isTailing, rows.length, virtual]);

  const grid = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };
  const least = { minInlineSize: `calc(${columns.map((column) => leastOf(column.width)).join(" + ")})` };
  return (
    <div
      ref={viewport}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: whatever scrolls must be reached by keyboard.
      tabIndex={0}
      className="virtual-table"
      role="table"
      aria-label={label}
      aria-rowcount={hasMore ? -1 : rows.length + 1}
    >
      <div className="head" role="row" aria-rowindex={1} style={{ ...grid, ...least }}>
        {columns.map((column) => (
          <div key={column.key} role="columnheader" className={column.isNumber ? "number" : undefined}>
            {column.title}
          </div>
        ))}
      </div>
      <div role="rowgroup" style={{ ...least, blockSize: virtual.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const row = rows[item.index] as Row;
          const below = detail?.(row);
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              role="row"
              aria-rowindex={item.index + 2}
              className="row-of-table"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <div className="cells" role="presentation" style={grid}>
                {columns.map((column) => (
                  <div key={column.key} role="cell" className={column.isNumber ? "number" : undefined}>
                    {column.cell(row)}
                  </div>
                ))}
              </div>
              {below && (
                <div className="below" role="cell">
                  {below}
                </div>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
