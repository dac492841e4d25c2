import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { oneOf } from "../search";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Status } from "../ui/status";
import { useChange } from "../ui/use-change";
import { COLUMNS, chosenColumns } from "./columns";
import { ORDERS, STATUSES } from "./search";
import { SavedViews } from "./views";

const PAUSE_MS = 250;
/** On a small screen the fields begin folded. */
const IS_WIDE = matchMedia("(min-width: 50rem)").matches;

function toggle<T>(all: readonly T[], one: T): T[] {
  return all.includes(one) ? all.filter((each) => each !== one) : [...all, one];
}

/** The filters of the list; all of them are in the address. */
export function Filters() {
  const search = useSearch({ from: "/workflows" });
  const navigate = useNavigate();
  const change = useChange();
  const statuses = search.status ?? [];

  return (
    <search className="filters">
      <fieldset className="choices plain-fieldset">
        <legend className="only-read-aloud">{texts.workflows.status}</legend>
        {STATUSES.map((status) => (
          <label key={status}>
            <input
              type="checkbox"
              checked={statuses.includes(status)}
              onChange={() => change({ status: toggle(statuses, status) })}
            />
            <Status status={status} />
          </label>
        ))}
      </fieldset>
      <details open={IS_WIDE}>
        <summary>{texts.workflows.filter}</summary>
        <div className="fields">
          <TextFilter label={texts.workflows.text} value={search.text} onChange={(text) => change({ text })} isFirst />
          <TextFilter
            label={texts.workflows.label}
            value={search.label?.[0]}
            onChange={(label) => change({ label: label ? [label] : undefined })}
          />
          <TextFilter label={texts.workflows.owner} value={search.owner} onChange={(owner) => change({ owner })} />
          <TextFilter
            label={texts.workflows.errorType}
            value={search.error_type}
            onChange={(error_type) => change({ error_type })}
          />
          <DateFilter
            label={texts.workflows.createdAfter}
            value={search.created_after}
            onChange={(created_after) => change({ created_after })}
          />
          <DateFilter
            label={texts.workflows.createdBefore}
            value={search.created_before}
            onChange={(created_before) => change({ created_before })}
          />
          <Field label={texts.workflows.order}>
            {(id) => (
              <select
                id={id}
                value={search.order ?? "newest"}
                onChange={(event) => change({ order: oneOf(event.target.value, ORDERS) })}
              >
                <option value="newest">{texts.workflows.newest}</option>
                <option value="oldest">{texts.workflows.oldest}</option>
              </select>
            )}
          </Field>
        </div>
      </details>
      <div className="row between">
        <div className="row">
          <button
            type="button"
            onClick={() =>
              void navigate({ to: "/workflows", search: (all) => (all.project ? { project: all.project } : {}) })
            }
          >
            {texts.workflows.clear}
          </button>
          <SavedViews search={search} />
        </div>
        <details className="menu">
          <summary>{texts.workflows.columns}</summary>
          <div className="menu-items">
            {COLUMNS.map((column) => (
              <label key={column.key}>
                <input
                  type="checkbox"
                  checked={chosenColumns(search.columns).includes(column.key)}
                  onChange={() => change({ columns: toggle(chosenColumns(search.columns), column.key) })}
                />
                {column.title}
              </label>
            ))}
          </div>
        </details>
      </div>
    </search>
  );
}

interface FilterProps {
  label: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  isFirst?: boolean;
}

/** Asks for what was typed once its writer pauses. */
function TextFilter({ label, value, onChange, isFirst = false }: FilterProps) {
  const [typed, setTyped] = useState(value ?? "");
  useEffect(() => setTyped(value ?? ""), [value]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is typed sets the clock, nothing else.
  useEffect(() => {
    if (typed === (value ?? "")) return;
    const clock = setTimeout(() => onChange(typed || undefined), PAUSE_MS);
    return () => clearTimeout(clock);
  }, [typed]);
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          type="search"
          data-filter={isFirst || undefined}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      )}
    </Field>
  );
}

/** A moment in the reader's own zone; the address has it in UTC. */
function DateFilter({ label, value, onChange }: FilterProps) {
  const local = value ? new Date(new Date(value).getTime() - new Date(value).getTimezoneOffset() * 60_000) : null;
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          type="datetime-local"
          value={local ? local.toISOString().slice(0, 16) : ""}
          onChange={(event) => onChange(event.target.value ? new Date(event.target.value).toISOString() : undefined)}
        />
      )}
    </Field>
  );
}
