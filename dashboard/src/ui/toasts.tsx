import { Problem, UnreachableError } from "../api/problem";
import { texts } from "../texts";
import { createStore, useStore } from "./store";
import "./toasts.css";

interface Toast {
  id: number;
  tone: "done" | "bad";
  text: string;
  detail: string;
  undo?: () => void;
}

const SHOWN_MS = 6_000;
const toasts = createStore<readonly Toast[]>([]);
let count = 0;

function drop(id: number): void {
  toasts.change((all) => all.filter((each) => each.id !== id));
}

function show(shown: Omit<Toast, "id">): void {
  count += 1;
  const id = count;
  toasts.change((all) => [...all.slice(-3), { ...shown, id }]);
  if (shown.tone === "done") setTimeout(() => drop(id), SHOWN_MS);
}

/** What to say of an error: what was wrong, what to do, and how the log knows it. */
export function sentences(error: unknown): { text: string; detail: string } {
  if (error instanceof UnreachableError)
    return { text: texts.errors.unreachable, detail: texts.errors.unreachableHint };
  if (error instanceof Problem) {
    const faults = error.faults.map((fault) => `${fault.place}: ${fault.message}`);
    const id = error.requestId ? [texts.errors.requestId(error.requestId)] : [];
    return { text: error.message, detail: [...faults, error.hint, ...id].filter(Boolean).join(" · ") };
  }
  return { text: error instanceof Error ? error.message : String(error), detail: "" };
}

/** Short messages that do not stop anybody. */
export const toast = {
  done: (text: string, undo?: () => void) => show({ tone: "done", text, detail: "", ...(undo ? { undo } : {}) }),
  problem: (error: unknown) => show({ tone: "bad", ...sentences(error) }),
};

export function Toasts() {
  const all = useStore(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {all.map((each) => (
        <div key={each.id} className={`toast toast-${each.tone}`}>
          <div>
            <strong>{each.text}</strong>
            {each.detail && <div className="quiet">{each.detail}</div>}
          </div>
          {each.undo && (
            <button
              type="button"
              className="plain"
              onClick={() => {
                each.undo?.();
                drop(each.id);
              }}
            >
              {texts.verbs.undo}
            </button>
          )}
          <button type="button" className="plain" aria-label={texts.verbs.close} onClick={() => drop(each.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
