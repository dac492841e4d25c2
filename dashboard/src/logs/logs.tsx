import { useSearch } from "@tanstack/react-router";
import { oneOf } from "../search";
import { useProject } from "../shell/project";
import { texts } from "../texts";
import { useChange } from "../ui/use-change";
import { LogFilters } from "./filters";
import { Lines } from "./lines";
import { PARTS } from "./search";

/** What all parts of the system and all tasks say. */
export function Logs() {
  const { follow, project: _, ...search } = useSearch({ from: "/logs" });
  const project = useProject();
  const change = useChange();
  const conditions = { ...search, ...project };
  return (
    <>
      <h1>{texts.pages.logs}</h1>
      <LogFilters search={{ ...search, follow }} onChange={change} exported={conditions}>
        <label className="row">
          <span className="quiet">{texts.logs.part}</span>
          <select value={search.part ?? ""} onChange={(event) => change({ part: oneOf(event.target.value, PARTS) })}>
            <option value="">–</option>
            {PARTS.map((part) => (
              <option key={part}>{part}</option>
            ))}
          </select>
        </label>
        <input
          type="search"
          aria-label={texts.logs.request}
          placeholder={texts.logs.request}
          defaultValue={search.request_id}
          onBlur={(event) => change({ request_id: event.target.value.trim() || undefined })}
        />
      </LogFilters>
      <Lines conditions={conditions} isFollowed={follow ?? false} />
    </>
  );
}
