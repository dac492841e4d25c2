import { texts } from "../texts";
import { CopyButton } from "../ui/copy-button";
import { Empty } from "../ui/notes";
import { useWorkflow, useWorkflowId } from "./use-workflow";
import { yamlOf } from "./yaml";

/** What the workflow was told to do. */
export function PlanTab() {
  const workflow = useWorkflow(useWorkflowId()).data;
  const plan = workflow?.inside?.plan;
  if (workflow === undefined) return null;
  if (plan === undefined) return <Empty>{texts.shell.loading}</Empty>;
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
