import { useSearch } from "@tanstack/react-router";
import { api, type Schemas } from "../api/client";
import { Problem } from "../api/problem";
import { moment } from "../formats/times";
import { preferences } from "../shell/preferences";
import { texts } from "../texts";
import { CopyButton } from "../ui/copy-button";
import { Answered, ErrorNote } from "../ui/notes";
import { useStore } from "../ui/store";
import { useChange } from "../ui/use-change";
import { PlanVersions } from "./plan-versions";
import { useWorkflow, useWorkflowId } from "./use-workflow";
import { yamlOf } from "./yaml";

type Version = Schemas["PlanVersionBody"];

/** What the workflow was told to do: now and before each update, alone or beside another version. */
export function PlanTab() {
  const id = useWorkflowId();
  const workflow = useWorkflow(id).data;
  const { version, beside } = useSearch({ from: "/workflows/$workflow/plan" });
  const versions = api.useQuery("get", "/v1/workflows/{workflow}/plans", { params: { path: { workflow: id } } });
  if (workflow === undefined) return null;
  const chosen = version ?? workflow.plan_version;
  const isNow = chosen === workflow.plan_version;
  return (
    <div className="stack">
      {versions.isError && !isForbidden(versions.error) && (
        <ErrorNote error={versions.error} retry={() => void versions.refetch()} />
      )}
      {versions.data && <Choices versions={versions.data.items} chosen={chosen} beside={beside} />}
      {beside !== undefined && beside !== chosen ? (
        <PlanVersions id={id} one={Math.min(chosen, beside)} other={Math.max(chosen, beside)} />
      ) : isNow ? (
        <Yaml plan={workflow.inside?.plan ?? {}} />
      ) : (
        <Earlier id={id} version={chosen} />
      )}
    </div>
  );
}

/** Observers see the plan without its parameters, and no earlier ones. */
const isForbidden = (error: unknown) => error instanceof Problem && error.status === 403;

interface ChoicesProps {
  versions: readonly Version[];
  chosen: number;
  beside: number | undefined;
}

function Choices({ versions, chosen, beside }: ChoicesProps) {
  const change = useChange();
  const others = versions.filter((each) => each.version !== chosen);
  if (others.length === 0) return null;
  return (
    <div className="row">
      <Choice
        label={texts.workflow.planVersion}
        value={chosen}
        versions={versions}
        onChange={(version) => change({ version })}
      />
      <Choice
        label={texts.workflow.planBeside}
        value={beside}
        versions={others}
        onChange={(each) => change({ beside: each })}
        otherwise={texts.workflow.planAlone}
      />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: number | undefined;
  versions: readonly Version[];
  onChange: (version: number | undefined) => void;
  otherwise?: string;
}

function Choice({ label, value, versions, onChange, otherwise }: ChoiceProps) {
  const { zone } = useStore(preferences);
  return (
    <label className="row">
      <span className="quiet">{label}</span>
      <select
        value={value ?? ""}
        onChange={(event) => onChange(event.target.value ? Number(event.target.value) : undefined)}
      >
        {otherwise !== undefined && <option value="">{otherwise}</option>}
        {versions.map((each) => (
          <option key={each.version} value={each.version}>
            {each.replaced_at
              ? texts.workflow.planUntil(each.version, moment(each.replaced_at, zone))
              : texts.workflow.planNow(each.version)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Earlier({ id, version }: { id: string; version: number }) {
  const plan = api.useQuery("get", "/v1/workflows/{workflow}/plans/{version}", {
    params: { path: { workflow: id, version } },
  });
  return <Answered query={plan}>{(found) => <Yaml plan={found.plan} />}</Answered>;
}

function Yaml({ plan }: { plan: unknown }) {
  const yaml = yamlOf(plan);
  return (
    <section className="panel">
      <div className="row between">
        <h2>{texts.workflow.asYaml}</h2>
        <CopyButton text={yaml} label={texts.verbs.copy} />
      </div>
      <pre data-testid="plan">{yaml}</pre>
    </section>
  );
}
