import { type ReactNode, useState } from "react";
import { ErrorNote } from "./notes";

interface FormProps {
  /** What happens with what was filled in; whatever it throws is shown, and the form stays as it is. */
  onSend: (form: FormData) => Promise<unknown>;
  send: string;
  tone?: "main" | "danger";
  children?: ReactNode;
  className?: string;
}

/** A form that shows its own errors, and sends nothing twice. */
export function Form({ onSend, send, tone = "main", children, className = "stack" }: FormProps) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setIsBusy] = useState(false);
  const submit = async (form: HTMLFormElement) => {
    setIsBusy(true);
    setError(null);
    try {
      await onSend(new FormData(form));
      form.reset();
    } catch (caught) {
      setError(caught);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <form
      className={className}
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      {children}
      {error !== null && <ErrorNote error={error} />}
      <div className="row">
        <button type="submit" className={tone} disabled={isBusy}>
          {send}
        </button>
      </div>
    </form>
  );
}

/** A text of a form; empty if it is not there. */
export function said(form: FormData, name: string): string {
  return String(form.get(name) ?? "").trim();
}
