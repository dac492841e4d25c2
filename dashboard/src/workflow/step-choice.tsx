import { texts } from "../texts";
import { useWorkflow } from "./use-workflow";

interface StepChoiceProps {
  id: string;
  value: string | undefined;
  onChange: (step: string | undefined) => void;
}

/** One of the steps of a workflow, or any. */
export function StepChoice({ id, value, onChange }: StepChoiceProps) {
  const steps = useWorkflow(id).data?.steps ?? [];
  return (
    <label className="row">
      <span className="quiet">{texts.workflow.step}</span>
      <select value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">{texts.workflow.anyStep}</option>
        {steps.map((step) => (
          <option key={step.name}>{step.name}</option>
        ))}
      </select>
    </label>
  );
}
