import { Link } from "@tanstack/react-router";
import { type Ref, useMemo } from "react";
import { duration, number } from "../formats/numbers";
import { texts } from "../texts";
import { Status } from "../ui/status";
import type { WorkflowDetail } from "../workflow/use-workflow";
import type { Standing } from "./standing";
import type { PlanStep } from "./tree";
import type { Laid } from "./use-layout";

type Facts = WorkflowDetail["steps"];

interface DetailsProps {
  id: string;
  /** Undefined while they are not known yet. */
  facts: Facts | undefined;
  steps: readonly PlanStep[];
  laid: Laid;
  box: number;
  standing: Standing;
  onToggle: (box: number) => void;
  onStep: (step: number) => void;
  onClose: () => void;
  ref: Ref<HTMLElement>;
}

/** The step or group that is chosen: how it stands, what it takes and gives, and where to look further. */
export function Details({ id, facts, steps, laid, box, standing, onToggle, onStep, onClose, ref }: DetailsProps) {
  const node = laid.tree.nodes[box];
  if (node === undefined) return null;
  return (
    <section ref={ref} className="panel" aria-label={texts.graph.chosen} tabIndex={-1}>
      <div className="row between">
        <div className="row">
          <Status status={standing.status} />
          <h2>{node.name}</h2>
          {node.step === -1 && <span className="quiet">{texts.graph.group(node.steps)}</span>}
        </div>
        <div className="row">
          {node.step === -1 && (
            <button type="button" onClick={() => onToggle(box)}>
              {laid.layout.shown[box] === 2 ? texts.graph.close : texts.graph.open}
            </button>
          )}
          <button type="button" className="plain" aria-label={texts.verbs.close} onClick={onClose}>
            ✕
          </button>
        </div>
      </div>
      {node.step === -1 ? (
        <Counts standing={standing} />
      ) : (
        <StepFacts id={id} all={facts} steps={steps} step={node.step} onStep={onStep} />
      )}
    </section>
  );
}

function Counts({ standing }: { standing: Standing }) {
  return (
    <ul className="legend">
      {Object.entries(standing.counts).map(([status, count]) => (
        <li key={status}>
          <Status status={status} /> {number(count)}
        </li>
      ))}
    </ul>
  );
}

interface StepFactsProps {
  id: string;
  all: Facts | undefined;
  steps: readonly PlanStep[];
  step: number;
  onStep: (step: number) => void;
}

function StepFacts({ id, all, steps, step, onStep }: StepFactsProps) {
  const facts = all?.[step];
  const name = steps[step]?.name ?? "";
  const takers = useMemo(() => [...steps.keys()].filter((other) => steps[other]?.inputs.includes(step)), [steps, step]);
  const here = { params: { workflow: id }, search: { step: name } };
  return (
    <>
      <dl className="facts">
        {facts && <Figures facts={facts} />}
        <dt>{texts.graph.takes}</dt>
        <dd>
          <Names steps={steps} numbers={steps[step]?.inputs ?? []} onStep={onStep} />
        </dd>
        <dt>{texts.graph.gives}</dt>
        <dd>
          <Names steps={steps} numbers={takers} onStep={onStep} />
        </dd>
      </dl>
      <div className="row">
        <Link to="/workflows/$workflow/tasks" {...here}>
          {texts.workflow.tabs.tasks}
        </Link>
        <Link to="/workflows/$workflow/attempts" {...here}>
          {texts.workflow.tabs.attempts}
        </Link>
        <Link to="/workflows/$workflow/logs" {...here}>
          {texts.workflow.tabs.logs}
        </Link>
        <Link to="/workflows/$workflow/results" {...here}>
          {texts.workflow.tabs.results}
        </Link>
      </div>
    </>
  );
}

function Figures({ facts }: { facts: Facts[number] }) {
  return (
    <>
      <dt>{texts.workflow.phase}</dt>
      <dd>
        {facts.phase} <span className="quiet">({facts.kind})</span>
      </dd>
      <dt>{texts.workflow.done}</dt>
      <dd>
        {number(facts.done)} / {facts.partitions === null ? "?" : number(facts.partitions)}
        {facts.running > 0 && ` · ${texts.workflow.running(facts.running)}`}
      </dd>
      <dt>{texts.workflow.wall}</dt>
      <dd>{duration(facts.wall_s)}</dd>
      {facts.reason && (
        <>
          <dt>{texts.workflow.waits}</dt>
          <dd>{facts.reason}</dd>
        </>
      )}
    </>
  );
}

const MOST_NAMES = 20;

function Names({
  steps,
  numbers,
  onStep,
}: {
  steps: readonly PlanStep[];
  numbers: readonly number[];
  onStep: (step: number) => void;
}) {
  if (numbers.length === 0) return <span className="quiet">–</span>;
  return (
    <span className="row">
      {numbers.slice(0, MOST_NAMES).map((step) => (
        <button key={step} type="button" className="plain link" onClick={() => onStep(step)}>
          {steps[step]?.name}
        </button>
      ))}
      {numbers.length > MOST_NAMES && <span className="quiet">+ {number(numbers.length - MOST_NAMES)}</span>}
    </span>
  );
}
