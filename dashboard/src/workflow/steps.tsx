import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { duration, number } from "../formats/numbers";
import { texts } from "../texts";
import { DataTable } from "../ui/data-table";
import { Field } from "../ui/field";
import { Status } from "../ui/status";
import { type Column, VirtualTable } from "../ui/virtual-table";
import { useWorkflow, useWorkflowId, type WorkflowDetail } from "./use-workflow";

type Step = Schemas["StepBody"];

/** All steps, however many; filtered and sorted. */
export function StepsTab() {
  const workflow = useWorkflow(useWorkflowId()).data;
  const [text, setText] = useState("");
  const [order, setOrder] = useState("plan");
  const steps = useMemo(() => sorted(workflow?.steps ?? [], text, order), [workflow?.steps, text, order]);
  if (workflow === undefined) return null;
  return (
    <div className="stack">
      <div className="fields">
        <Field label={texts.verbs.search}>
          {(id) => (
            <input id={id} type="search" data-filter value={text} onChange={(event) => setText(event.target.value)} />
          )}
        </Field>
        <Field label={texts.workflows.order}>
          {(id) => (
            <select id={id} value={order} onChange={(event) => setOrder(event.target.value)}>
              <option value="plan">{texts.workflow.plan}</option>
              <option value="status">{texts.workflows.status}</option>
              <option value="wall_s">{texts.workflow.wall}</option>
              <option value="cpu_s">{texts.workflow.cpu}</option>
              <option value="rejects">{texts.workflow.rejects}</option>
            </select>
          )}
        </Field>
      </div>
      <VirtualTable
        label={texts.workflow.tabs.steps}
        columns={columnsFor(workflow)}
        rows={steps}
        keyOf={(step) => step.name}
      />
    </div>
  );
}

const ORDER = ["failed", "running", "waiting", "succeeded"];

function sorted(steps: readonly Step[], text: string, order: string): Step[] {
  const wanted = text.toLowerCase();
  const found = steps.filter((step) => `${step.name} ${step.phase} ${step.status}`.toLowerCase().includes(wanted));
  if (order === "status") return found.sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
  if (order === "wall_s" || order === "cpu_s" || order === "rejects")
    return found.sort((one, other) => other[order] - one[order]);
  return found;
}

function columnsFor(workflow: WorkflowDetail): Column<Step>[] {
  const link = (step: Step) => (
    <Link to="/workflows/$workflow/tasks" params={{ workflow: workflow.id }} search={{ step: step.name }}>
      {step.name}
    </Link>
  );
  return [
    { key: "name", title: texts.workflow.step, width: "minmax(10rem, 2fr)", cell: link },
    { key: "status", title: texts.workflows.status, width: "9rem", cell: (step) => <Status status={step.status} /> },
    { key: "done", title: texts.workflow.done, width: "9rem", isNumber: true, cell: doneOf },
    { key: "kind", title: texts.workflow.kind, width: "6rem", cell: (step) => step.kind },
    { key: "phase", title: texts.workflow.phase, width: "minmax(9rem, 1fr)", cell: (step) => step.phase },
    { key: "rows", title: texts.workflow.rows, width: "7rem", isNumber: true, cell: (step) => number(step.rows) },
    {
      key: "rejects",
      title: texts.workflow.rejects,
      width: "6rem",
      isNumber: true,
      cell: (step) =>
        step.rejects > 0 ? (
          <Link to="/workflows/$workflow/rejects" params={{ workflow: workflow.id }} search={{ step: step.name }}>
            {number(step.rejects)}
          </Link>
        ) : (
          number(step.rejects)
        ),
    },
    { key: "cached", title: texts.workflow.cached, width: "6rem", isNumber: true, cell: (step) => number(step.cached) },
    { key: "wall", title: texts.workflow.wall, width: "7rem", isNumber: true, cell: (step) => duration(step.wall_s) },
    { key: "cpu", title: texts.workflow.cpu, width: "7rem", isNumber: true, cell: (step) => duration(step.cpu_s) },
    { key: "reason", title: texts.workflow.waits, width: "minmax(8rem, 1.5fr)", cell: (step) => step.reason },
  ];
}

function doneOf(step: Step) {
  const all = step.partitions === null ? "?" : number(step.partitions);
  return `${number(step.done)} / ${all}${step.running ? ` (+${number(step.running)})` : ""}`;
}

/** A few steps as a plain table. */
export function StepsTable({ workflow, steps }: { workflow: WorkflowDetail; steps: readonly Step[] }) {
  const columns = columnsFor(workflow).filter((column) => ["name", "status", "done", "wall"].includes(column.key));
  return <DataTable label={texts.workflow.tabs.steps} columns={columns} rows={steps} keyOf={(step) => step.name} />;
}
