import { useNavigate, useSearch } from "@tanstack/react-router";
import { api } from "../../api/client";
import { texts } from "../../texts";
import { Answered, Empty } from "../../ui/notes";
import { Changed } from "./changed";
import { Choice } from "./choice";
import { Groups } from "./groups-table";
import { Moves } from "./moves";
import { Totals } from "./totals";
import "./comparison.css";

interface ComparisonProps {
  workflow: string;
  project: string | undefined;
  onOpen: (document: string) => void;
}

/** The themes of a run beside those of an earlier one, and what became of its documents. */
export default function ComparisonTab({ workflow, project, onOpen }: ComparisonProps) {
  const { before } = useSearch({ from: "/collections/$workflow" });
  return (
    <div className="stack">
      {project && <Choice workflow={workflow} project={project} />}
      {before === undefined ? (
        <Empty>{texts.comparison.choose}</Empty>
      ) : (
        <Shown workflow={workflow} before={before} onOpen={onOpen} />
      )}
    </div>
  );
}

interface ShownProps {
  workflow: string;
  before: string;
  onOpen: (document: string) => void;
}

function Shown({ workflow, before, onOpen }: ShownProps) {
  const search = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const query = { before, ...(search.by ? { by: search.by } : {}) };
  const compared = api.useQuery("get", "/v1/pipeline/{workflow}/comparison", {
    params: { path: { workflow }, query },
  });
  const openOf = (run: string) => (document: string) =>
    run === workflow
      ? onOpen(document)
      : void navigate({
          to: "/collections/$workflow",
          params: { workflow: run },
          search: { part: "documents", document },
        });
  return (
    <Answered query={compared}>
      {(found) =>
        search.change === undefined ? (
          <>
            <Totals comparison={found} />
            <Groups comparison={found} />
            <Moves comparison={found} />
          </>
        ) : (
          <Changed
            comparison={found}
            change={search.change}
            onOpen={openOf(search.change === "gone" ? before : workflow)}
          />
        )
      }
    </Answered>
  );
}
