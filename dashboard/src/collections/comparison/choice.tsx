import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { api, type Schemas } from "../../api/client";
import { moment } from "../../formats/times";
import { defined, oneOf } from "../../search";
import { preferences } from "../../shell/preferences";
import { texts } from "../../texts";
import { Field } from "../../ui/field";
import { Answered, Empty } from "../../ui/notes";
import { useStore } from "../../ui/store";

type Run = Schemas["WorkflowDetailBody"];

interface ChoiceProps {
  workflow: string;
  project: string;
}

const MOST_RUNS = 100;
const MATCHED_BY = ["documents", "words"] as const;

/** With which run to compare, and what tells which themes are the same. */
export function Choice({ workflow, project }: ChoiceProps) {
  const query = { limit: MOST_RUNS, project };
  const runs = api.useQuery("get", "/v1/pipeline/status", { params: { query } });
  const isOther = (run: Run) => run.status === "succeeded" && run.id !== workflow;
  return (
    <Answered query={runs}>{({ items }) => <Choices workflow={workflow} others={items.filter(isOther)} />}</Answered>
  );
}

function Choices({ workflow, others }: { workflow: string; others: readonly Run[] }) {
  const { before, by } = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const { zone } = useStore(preferences);
  const choose = (next: { before?: string | undefined; by?: (typeof MATCHED_BY)[number] | undefined }) =>
    void navigate({ to: ".", search: defined({ part: "compare" as const, before, by, ...next }) });
  if (others.length === 0 && before === undefined) return <Empty>{texts.comparison.alone}</Empty>;
  return (
    <div className="row">
      <Field label={texts.comparison.with}>
        {(id) => (
          <select
            id={id}
            value={before ?? ""}
            onChange={(event) => choose({ before: event.target.value || undefined })}
          >
            <option value="">{texts.comparison.none}</option>
            {before && !others.some((run) => run.id === before) && <option value={before}>{before}</option>}
            {others.map((run) => (
              <option key={run.id} value={run.id}>
                {named(run)} · {moment(run.created_at, zone)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={texts.comparison.matchBy}>
        {(id) => (
          <select id={id} value={by ?? ""} onChange={(event) => choose({ by: oneOf(event.target.value, MATCHED_BY) })}>
            <option value="">{texts.comparison.fitting}</option>
            {MATCHED_BY.map((each) => (
              <option key={each} value={each}>
                {texts.comparison.by[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      {before && (
        <Link
          to="/collections/$workflow"
          params={{ workflow: before }}
          search={defined({ part: "compare" as const, before: workflow, by })}
          className="button comparison-swap"
        >
          {texts.comparison.swap}
        </Link>
      )}
    </div>
  );
}

function named(run: Run): string {
  return run.labels.title || run.name;
}
