import { api, type Schemas } from "../api/client";
import { bytes, compact, measured, share } from "../formats/numbers";
import { HistoryChart } from "../metrics/metrics";
import { texts } from "../texts";
import { Answered, Empty } from "../ui/notes";
import { Status } from "../ui/status";

type Metric = Schemas["MetricBody"];
type Sample = Schemas["MeasuredBody"];

const LOOKS_MS = 5_000;
const HOUR_S = 3600;

/** Nodes, Ray, Postgres and the artifact store, as they are now. */
export function Resources() {
  const metrics = api.useQuery(
    "get",
    "/v1/metrics",
    { params: { query: { format: "json" } } },
    { refetchInterval: LOOKS_MS },
  );
  return (
    <>
      <h1>{texts.pages.resources}</h1>
      <Answered query={metrics}>
        {({ metrics: all }) => <Measured all={new Map(all.map((each) => [each.name, each]))} />}
      </Answered>
      <div className="tiles">
        <Over metric="eopiez_node_cpu_ratio" />
        <Over metric="eopiez_ray_resources_held" />
      </div>
    </>
  );
}

type All = ReadonlyMap<string, Metric>;

function numberOf(sample: Sample | undefined): number | undefined {
  return typeof sample?.value === "number" ? sample.value : undefined;
}

function find(all: All, name: string, labels: Record<string, string> = {}): number | undefined {
  const fits = (sample: Sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
  return numberOf(all.get(name)?.samples.find(fits));
}

function Measured({ all }: { all: All }) {
  if (!all.has("eopiez_node_cpu_ratio")) return <Empty>{texts.resources.notYours}</Empty>;
  const nodes = [...new Set((all.get("eopiez_node_cpu_ratio")?.samples ?? []).map((each) => each.labels.node ?? ""))];
  return (
    <div className="tiles">
      {nodes.map((node) => (
        <Node key={node} node={node} all={all} />
      ))}
      <Ray all={all} />
      <Postgres all={all} />
      <Parts all={all} />
    </div>
  );
}

function Node({ node, all }: { node: string; all: All }) {
  const cpu = find(all, "eopiez_node_cpu_ratio", { node }) ?? 0;
  return (
    <section className="panel">
      <h2>
        {texts.resources.node} {node}
      </h2>
      <Level name={texts.resources.cpu} part={cpu} said={share(cpu)} />
      <BytesLevel name={texts.resources.memory} metric="eopiez_node_memory_bytes" node={node} all={all} />
      <BytesLevel name={texts.resources.disk} metric="eopiez_node_disk_bytes" node={node} all={all} />
    </section>
  );
}

function BytesLevel({ name, metric, node, all }: { name: string; metric: string; node: string; all: All }) {
  const used = find(all, metric, { node, state: "used" }) ?? 0;
  const free = find(all, metric, { node, state: "free" }) ?? find(all, metric, { node, state: "available" }) ?? 0;
  const whole = used + free;
  return <Level name={name} part={whole ? used / whole : 0} said={`${bytes(used)} / ${bytes(whole)}`} />;
}

function Level({ name, part, said }: { name: string; part: number; said: string }) {
  return (
    <div>
      <div className="row between small">
        <span>{name}</span>
        <span className="quiet">{said}</span>
      </div>
      <div className="meter">
        <span style={{ inlineSize: `${Math.min(part, 1) * 100}%` }} />
      </div>
    </div>
  );
}

function Ray({ all }: { all: All }) {
  const resources = all.get("eopiez_ray_resources")?.samples ?? [];
  const shown = (resource: string, value: number) => (resource.endsWith("memory") ? bytes(value) : compact(value));
  return (
    <section className="panel">
      <h2>Ray</h2>
      <p className="quiet">{texts.resources.nodes(find(all, "eopiez_ray_nodes") ?? 0)}</p>
      {resources.map((each) => {
        const resource = each.labels.resource ?? "";
        const [whole, held] = [numberOf(each) ?? 0, find(all, "eopiez_ray_resources_held", { resource }) ?? 0];
        return (
          <Level
            key={resource}
            name={resource}
            part={whole ? held / whole : 0}
            said={`${shown(resource, held)} / ${shown(resource, whole)}`}
          />
        );
      })}
      {(all.get("eopiez_ray_workers")?.samples ?? []).map((each) => (
        <div key={each.labels.state} className="row between small">
          <span>{texts.resources.workers(each.labels.state ?? "")}</span>
          <span className="quiet">{compact(numberOf(each) ?? 0)}</span>
        </div>
      ))}
    </section>
  );
}

const POSTGRES = [
  "eopiez_postgres_size_bytes",
  "eopiez_postgres_locks_waiting",
  "eopiez_postgres_longest_transaction_seconds",
  "eopiez_postgres_replication_lag_bytes",
] as const;

function Postgres({ all }: { all: All }) {
  return (
    <section className="panel">
      <h2>Postgres</h2>
      {POSTGRES.map((name) => {
        const metric = all.get(name);
        return (
          metric && (
            <div key={name} className="row between small" title={metric.help}>
              <span>{metric.help}</span>
              <span className="quiet">{measured(find(all, name) ?? 0, metric.unit)}</span>
            </div>
          )
        );
      })}
      {(all.get("eopiez_postgres_connections")?.samples ?? []).map((each) => (
        <div key={each.labels.state} className="row between small">
          <span>{texts.resources.connections(each.labels.state ?? "")}</span>
          <span className="quiet">{compact(numberOf(each) ?? 0)}</span>
        </div>
      ))}
    </section>
  );
}

function Parts({ all }: { all: All }) {
  const health = api.useQuery("get", "/v1/health", {}, { refetchInterval: LOOKS_MS });
  const memory = all.get("eopiez_process_resident_memory_bytes")?.samples ?? [];
  return (
    <section className="panel">
      <h2>{texts.overview.parts}</h2>
      {(health.data?.parts ?? []).map((part) => (
        <div key={part.name} className="row between small">
          <span className="row">
            <Status status={part.status} /> {part.name}
          </span>
          <span className="quiet">{part.detail}</span>
        </div>
      ))}
      {memory.map((each) => (
        <div key={Object.values(each.labels).join()} className="row between small">
          <span>{Object.values(each.labels).join(" · ")}</span>
          <span className="quiet">{bytes(numberOf(each) ?? 0)}</span>
        </div>
      ))}
    </section>
  );
}

function Over({ metric }: { metric: string }) {
  const params = { params: { path: { metric }, query: { window_s: HOUR_S } } };
  const history = api.useQuery("get", "/v1/metrics/{metric}/history", params, { refetchInterval: 2 * LOOKS_MS });
  return history.data && history.data.lines.length > 0 ? (
    <section className="panel">
      <h2>{history.data.help}</h2>
      <HistoryChart history={history.data} />
    </section>
  ) : null;
}
