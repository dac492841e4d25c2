import { Link } from "@tanstack/react-router";
import { api, type Schemas } from "../api/client";
import { useProject } from "../shell/project";
import { Status } from "../ui/status";

type WorkflowStatus = Schemas["WorkflowStatus"];

const SHOWN: readonly WorkflowStatus[] = ["running", "queued", "paused", "failed", "quarantined", "succeeded"];
const MOST = 1_000;
const LOOKS_MS = 3_000;

/** How many workflows are in each state. */
export function Counts() {
  return (
    <div className="counts">
      {SHOWN.map((status) => (
        <Count key={status} status={status} />
      ))}
    </div>
  );
}

function Count({ status }: { status: WorkflowStatus }) {
  const project = useProject();
  const query = { status: [status], counted: true, limit: 1, ...project };
  const counted = api.useQuery("get", "/v1/workflows", { params: { query } }, { refetchInterval: LOOKS_MS });
  const count = counted.data?.count;
  return (
    <Link to="/workflows" search={{ ...project, status: [status] }} className="count">
      <Status status={status} />
      <strong>{count === undefined || count === null ? "–" : count >= MOST ? "1,000+" : count}</strong>
    </Link>
  );
}
