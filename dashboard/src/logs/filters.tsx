import { type ReactNode, useEffect, useState } from "react";
import { ROOT } from "../api/client";
import { stringifySearch } from "../search";
import { texts } from "../texts";
import { LEVELS } from "../workflow/searches";

const PAUSE_MS = 300;

interface LogFiltersProps {
  search: { level?: string; text?: string; follow?: true | undefined };
  onChange: (changes: object) => void;
  /** The conditions under which lines are downloaded. */
  exported: object;
  children?: ReactNode;
}

/** Conditions that all logs have. */
export function LogFilters({ search, onChange, exported, children }: LogFiltersProps) {
  const [typed, setTyped] = useState(search.text ?? "");
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is typed sets the clock, nothing else.
  useEffect(() => {
    if (typed === (search.text ?? "")) return;
    const clock = setTimeout(() => onChange({ text: typed || undefined }), PAUSE_MS);
    return () => clearTimeout(clock);
  }, [typed]);
  return (
    <div className="row">
      <input
        type="search"
        data-filter
        aria-label={texts.workflow.logText}
        placeholder={texts.workflow.logText}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <label className="row">
        <span className="quiet">{texts.workflow.level}</span>
        <select value={search.level ?? ""} onChange={(event) => onChange({ level: event.target.value || undefined })}>
          <option value="">–</option>
          {LEVELS.map((level) => (
            <option key={level}>{level}</option>
          ))}
        </select>
      </label>
      {children}
      <label className="row">
        <input
          type="checkbox"
          checked={search.follow ?? false}
          onChange={(event) => onChange({ follow: event.target.checked || undefined })}
        />
        {texts.workflow.followLogs}
      </label>
      <a className="button" href={`${ROOT}/v1/logs/export${stringifySearch({ ...exported })}`} download="log.jsonl">
        {texts.verbs.download}
      </a>
    </div>
  );
}
