import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, client, ROOT, type Schemas } from "../api/client";
import { bytes } from "../formats/numbers";
import { defined } from "../search";
import { texts } from "../texts";
import { Empty, ErrorNote } from "../ui/notes";
import { usePages } from "../ui/use-pages";
import { Value } from "../ui/value";
import { useWorkflowId } from "./use-workflow";

type Partition = Schemas["PartitionBody"];

/** What finished steps have given: looked at here, or downloaded. */
export function ResultsTab() {
  const id = useWorkflowId();
  const search = useSearch({ from: "/workflows/$workflow/results" });
  const navigate = useNavigate();
  const artifacts = api.useQuery("get", "/v1/workflows/{workflow}/artifacts", { params: { path: { workflow: id } } });
  if (artifacts.isError) return <ErrorNote error={artifacts.error} retry={() => void artifacts.refetch()} />;
  const steps = Object.entries(artifacts.data?.steps ?? {});
  if (artifacts.isSuccess && steps.length === 0) return <Empty>{texts.workflow.noResults}</Empty>;
  const step = search.step ?? steps.at(-1)?.[0];
  const partitions = steps.find(([name]) => name === step)?.[1] ?? [];
  return (
    <div className="stack">
      <div className="row">
        <label className="row">
          <span className="quiet">{texts.workflow.step}</span>
          <select value={step} onChange={(event) => void navigate({ to: ".", search: { step: event.target.value } })}>
            {steps.map(([name, all]) => (
              <option key={name} value={name}>
                {name} ({texts.workflow.partitions(all.length)}, {bytes(all.reduce((sum, each) => sum + each.size, 0))})
              </option>
            ))}
          </select>
        </label>
        {partitions.length > 1 && (
          <PartitionChoice
            partitions={partitions}
            value={search.partition}
            onChange={(partition) => void navigate({ to: ".", search: defined({ step, partition }) })}
          />
        )}
      </div>
      {step !== undefined && (
        <Result
          key={`${step}/${search.partition}`}
          id={id}
          step={step}
          partition={search.partition}
          form={partitions[0]?.form}
        />
      )}
    </div>
  );
}

interface PartitionChoiceProps {
  partitions: readonly Partition[];
  value: number | undefined;
  onChange: (partition: number | undefined) => void;
}

function PartitionChoice({ partitions, value, onChange }: PartitionChoiceProps) {
  return (
    <label className="row">
      <span className="quiet">{texts.workflow.partition}</span>
      <input
        type="number"
        min={0}
        max={partitions.length - 1}
        value={value ?? ""}
        placeholder={`0 – ${partitions.length - 1}`}
        onChange={(event) => onChange(event.target.value === "" ? undefined : Number(event.target.value))}
      />
    </label>
  );
}

interface ResultProps {
  id: string;
  step: string;
  partition: number | undefined;
  form: string | undefined;
}

function Result({ id, step, partition, form }: ResultProps) {
  const chosen = defined({ partition });
  const values = usePages<unknown>(["results", id, step, partition], async (cursor, signal) => {
    const answer = await client.GET("/v1/workflows/{workflow}/results/{step}", {
      params: { path: { workflow: id, step }, query: { limit: 20, ...chosen, ...cursor } },
      signal,
    });
    const result = answer.data as Schemas["ResultBody"];
    return { data: { items: result.values, ...(result.next ? { next: result.next } : {}) } };
  });
  const place = `${ROOT}/v1/workflows/${id}/results/${step.split("/").map(encodeURIComponent).join("/")}`;
  return (
    <section className="panel">
      <div className="row between">
        <h2>{step}</h2>
        <a
          className="button"
          href={`${place}${partition === undefined ? "" : `?partition=${partition}`}`}
          download={`${step}.json`}
        >
          {texts.verbs.download} JSON
        </a>
      </div>
      {form && <p className="quiet small">{form}</p>}
      {values.error !== null && <ErrorNote error={values.error} />}
      {values.rows.map((value, index) => (
        <Value key={index} value={value} />
      ))}
      {values.hasMore && (
        <button type="button" onClick={values.more}>
          {texts.verbs.more}
        </button>
      )}
    </section>
  );
}
