import { useSearch } from "@tanstack/react-router";
import { LogFilters } from "../logs/filters";
import { Lines } from "../logs/lines";
import { useChange } from "../ui/use-change";
import { StepChoice } from "./step-choice";
import { useWorkflowId } from "./use-workflow";

/** What the workflow's tasks log and print, and what the system's parts say of it. */
export function LogsTab() {
  const id = useWorkflowId();
  const { follow, ...search } = useSearch({ from: "/workflows/$workflow/logs" });
  const change = useChange();
  return (
    <div className="stack">
      <LogFilters search={{ ...search, follow }} onChange={change} exported={{ workflow: id, ...search }}>
        <StepChoice id={id} value={search.step} onChange={(step) => change({ step })} />
      </LogFilters>
      <Lines conditions={{ workflow: id, ...search }} isFollowed={follow ?? false} />
    </div>
  );
}
