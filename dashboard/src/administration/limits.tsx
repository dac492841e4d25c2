import type { ReactNode } from "react";
import { api, client, type Schemas } from "../api/client";
import { queries } from "../api/queries";
import { number } from "../formats/numbers";
import { texts } from "../texts";
import { Field } from "../ui/field";
import { Form, said } from "../ui/form";
import { Answered, Empty } from "../ui/notes";
import { toast } from "../ui/toasts";

const KINDS = ["project", "owner", "label", "phase"] as const;
const LOOKS_MS = 2_000;
type Limit = Schemas["LimitBody"];
type Sharing = Schemas["SharingBody"];

/** How projects and owners share the cluster: limits with their use, and weights. */
export function Limits() {
  const sharing = api.useQuery("get", "/v1/limits", {}, { refetchInterval: LOOKS_MS });
  return (
    <Answered query={sharing}>
      {(found) => (
        <div className="stack">
          <section className="panel stack">
            <h2>{texts.limits.limits}</h2>
            <Standing limits={found.limits} />
            <NewLimit />
          </section>
          <section className="panel stack">
            <h2>{texts.limits.weights}</h2>
            <Weights sharing={found} />
            <NewWeight />
          </section>
        </div>
      )}
    </Answered>
  );
}

function Standing({ limits }: { limits: readonly Limit[] }) {
  if (limits.length === 0) return <Empty>{texts.limits.noLimits}</Empty>;
  const { kind, name, within, held, maximum, wanted, acts } = texts.limits;
  return (
    <Sheet heads={[kind, name, within, held, maximum, wanted, acts]} numbers={[held, maximum, wanted]}>
      {limits.map((each) => (
        <tr key={`${each.kind} ${each.project ?? ""} ${each.name}`}>
          <td>{each.kind}</td>
          <td>{each.name}</td>
          <td>{each.project ?? <span className="quiet">{texts.limits.everywhere}</span>}</td>
          <td className="number">{number(each.held)}</td>
          <td className="number">{number(each.maximum)}</td>
          <td className="number">{number(each.wanted)}</td>
          <td>
            <button
              type="button"
              aria-label={texts.limits.liftOf(each.kind, each.name)}
              onClick={() => void lift(each)}
            >
              {texts.limits.lift}
            </button>
          </td>
        </tr>
      ))}
    </Sheet>
  );
}

async function lift({ kind, name, project }: Limit): Promise<void> {
  try {
    const params = { path: { kind, name }, query: { project } };
    await client.DELETE("/v1/limits/{kind}/{name}", { params });
    await queries.invalidateQueries();
  } catch (error) {
    toast.problem(error);
  }
}

function NewLimit() {
  const set = async (form: FormData) => {
    const path = { kind: said(form, "kind") as Limit["kind"], name: said(form, "name") };
    const params = { path, query: { project: said(form, "project") || null } };
    await client.PUT("/v1/limits/{kind}/{name}", { params, body: { maximum: Number(said(form, "maximum")) } });
    await queries.invalidateQueries();
  };
  return (
    <Form onSend={set} send={texts.limits.setLimit}>
      <div className="fields">
        <Field label={texts.limits.kind}>
          {(id) => (
            <select id={id} name="kind" defaultValue="owner">
              {KINDS.map((kind) => (
                <option key={kind}>{kind}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label={texts.limits.name}>
          {(id) => <input id={id} name="name" required placeholder={texts.limits.nameHint} />}
        </Field>
        <Field label={texts.limits.within}>
          {(id) => <input id={id} name="project" placeholder={texts.limits.everywhere} />}
        </Field>
        <Field label={texts.limits.maximum}>
          {(id) => <input id={id} name="maximum" type="number" min={0} step={1} required />}
        </Field>
      </div>
    </Form>
  );
}

function Weights({ sharing }: { sharing: Sharing }) {
  if (sharing.projects.length + sharing.owners.length === 0) return <Empty>{texts.limits.noWeights}</Empty>;
  return (
    <Sheet heads={[texts.limits.project, texts.limits.owner, texts.limits.weight]} numbers={[texts.limits.weight]}>
      {sharing.projects.map((each) => (
        <Weight key={each.project} project={each.project} weight={each.weight} />
      ))}
      {sharing.owners.map((each) => (
        <Weight key={`${each.project} ${each.owner}`} {...each} />
      ))}
    </Sheet>
  );
}

function Weight({ project, owner, weight }: { project: string; owner?: string; weight: number }) {
  return (
    <tr>
      <td>{project}</td>
      <td>{owner ?? <span className="quiet">{texts.limits.wholeProject}</span>}</td>
      <td className="number">{weight}</td>
    </tr>
  );
}

function NewWeight() {
  const set = async (form: FormData) => {
    const project = said(form, "project");
    const owner = said(form, "owner");
    const body = { weight: Number(said(form, "weight")) };
    if (owner === "") await client.PUT("/v1/weights/{project}", { params: { path: { project } }, body });
    else await client.PUT("/v1/weights/{project}/owners/{owner}", { params: { path: { project, owner } }, body });
    await queries.invalidateQueries();
  };
  return (
    <Form onSend={set} send={texts.limits.setWeight}>
      <div className="fields">
        <Field label={texts.limits.project}>{(id) => <input id={id} name="project" required />}</Field>
        <Field label={texts.limits.owner}>
          {(id) => <input id={id} name="owner" placeholder={texts.limits.wholeProject} />}
        </Field>
        <Field label={texts.limits.weight}>
          {(id) => <input id={id} name="weight" type="number" min={0} step="any" required />}
        </Field>
      </div>
    </Form>
  );
}

interface SheetProps {
  heads: readonly string[];
  /** Those of the heads that are above numbers. */
  numbers: readonly string[];
  children: ReactNode;
}

function Sheet({ heads, numbers, children }: SheetProps) {
  return (
    <table>
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} className={numbers.includes(head) ? "number" : undefined}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}
