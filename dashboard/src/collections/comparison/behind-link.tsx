import { Link, useSearch } from "@tanstack/react-router";
import { number } from "../../formats/numbers";
import { defined } from "../../search";
import type { Behind } from "./groups";

interface BehindLinkProps {
  count: number;
  to: Behind;
  /** What is counted, for whoever does not see the head of the column. */
  label: string;
}

/** A number of documents that leads to them. */
export function BehindLink({ count, to, label }: BehindLinkProps) {
  const { before, by } = useSearch({ from: "/collections/$workflow" });
  if (count === 0) return <span className="quiet">0</span>;
  const search = defined({
    part: "compare" as const,
    before,
    by,
    change: to.change,
    was: to.was?.slice(),
    now: to.now?.slice(),
  });
  return (
    <Link to="." search={search} aria-label={`${label}: ${number(count)}`}>
      {number(count)}
    </Link>
  );
}
