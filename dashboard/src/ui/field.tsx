import { type ReactNode, useId } from "react";
import "./field.css";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  children: (id: string) => ReactNode;
}

/** A control with its name above and what helps below it. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {hint && <span className="quiet small">{hint}</span>}
    </div>
  );
}
