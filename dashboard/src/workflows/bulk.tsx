import { useState } from "react";
import { texts } from "../texts";
import { BulkDialog } from "./bulk-dialog";
import { namedOf } from "./tally";
import type { Filters, Workflow } from "./use-workflows";
import { applies, statusesFor, VERBS, type Verb } from "./verbs";

interface BulkBarProps {
  rows: readonly Workflow[];
  hasMore: boolean;
  /** How many match the filters, if that is known. */
  count: number | undefined;
  filters: Filters;
  selected: ReadonlySet<string>;
  onSelect: (ids: ReadonlySet<string>) => void;
  /** Whether all that match the filters are selected, loaded or not. */
  isMatching: boolean;
  onMatching: (isMatching: boolean) => void;
}

/** Steers many workflows at once: those that are ticked, or all that match the filters. */
export function BulkBar(props: BulkBarProps) {
  const { rows, filters, selected, onSelect, isMatching, onMatching } = props;
  const [verb, setVerb] = useState<Verb | null>(null);
  const chosen = rows.filter((row) => isMatching || selected.has(row.id));
  const areAll = rows.length > 0 && chosen.length === rows.length;
  const canBeAsked = (each: Verb) =>
    isMatching ? statusesFor(each, filters.status).length > 0 : chosen.some((row) => applies(each, row.status));
  const concerned = verb === null ? [] : chosen.filter((row) => applies(verb, row.status));
  return (
    <div className="bulk row">
      <label className="row">
        <input
          type="checkbox"
          checked={areAll}
          onChange={() => {
            onMatching(false);
            onSelect(new Set(areAll ? [] : rows.map((row) => row.id)));
          }}
        />
        {texts.workflows.selectLoaded}
      </label>
      {VERBS.map((each) => (
        <button key={each} type="button" disabled={!canBeAsked(each)} onClick={() => setVerb(each)}>
          {texts.workflows[each]}
        </button>
      ))}
      {areAll && props.hasMore ? (
        <Matching {...props} />
      ) : (
        <span className="quiet">{chosen.length > 0 && texts.workflows.selected(chosen.length)}</span>
      )}
      {verb && (
        <BulkDialog
          verb={verb}
          rows={concerned}
          given={isMatching ? filters : namedOf(concerned)}
          onClose={() => setVerb(null)}
        />
      )}
    </div>
  );
}

/** Offers to select what is not loaded too, as mail programs do. */
function Matching({ rows, count, isMatching, onMatching }: BulkBarProps) {
  const isWhole = count !== undefined && count > rows.length && count <= MOST_COUNTED;
  return (
    <>
      <span role="status" className="quiet">
        {isMatching ? texts.workflows.matchingSelected : texts.workflows.selected(rows.length)}
      </span>
      <button type="button" className="plain link" onClick={() => onMatching(!isMatching)}>
        {isMatching
          ? texts.workflows.onlyLoaded
          : texts.workflows.selectMatching(isWhole ? texts.workflows.allOf(count) : texts.workflows.all)}
      </button>
    </>
  );
}

/** How far the gateway counts. */
export const MOST_COUNTED = 1_000;
