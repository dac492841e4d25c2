import { texts } from "../texts";
import "./status.css";

type Tone = "good" | "bad" | "warn" | "busy" | "still";

const TONES: Record<string, { tone: Tone; sign: string }> = {
  queued: { tone: "still", sign: "○" },
  waiting: { tone: "still", sign: "○" },
  running: { tone: "busy", sign: "▶" },
  pausing: { tone: "warn", sign: "◐" },
  paused: { tone: "warn", sign: "❚❚" },
  succeeded: { tone: "good", sign: "✓" },
  failed: { tone: "bad", sign: "✕" },
  cancelling: { tone: "still", sign: "◌" },
  cancelled: { tone: "still", sign: "⊘" },
  quarantined: { tone: "bad", sign: "⚠" },
  timed_out: { tone: "bad", sign: "⏱" },
  lost: { tone: "warn", sign: "?" },
  out_of_memory: { tone: "bad", sign: "▣" },
  refused: { tone: "warn", sign: "⊘" },
  not_started: { tone: "still", sign: "○" },
  firing: { tone: "bad", sign: "▲" },
  pending: { tone: "warn", sign: "△" },
  resolved: { tone: "good", sign: "✓" },
  ok: { tone: "good", sign: "✓" },
  down: { tone: "bad", sign: "✕" },
  critical: { tone: "bad", sign: "‼" },
  warning: { tone: "warn", sign: "!" },
  info: { tone: "still", sign: "i" },
};

/** How a status is drawn: a sign and a word beside the colour, which tells nothing alone. */
export function toneOf(status: string): { tone: Tone; sign: string } {
  return TONES[status] ?? { tone: "still", sign: "·" };
}

export function Status({ status, label }: { status: string; label?: string }) {
  const { tone, sign } = toneOf(status);
  const names: Record<string, string> = texts.statuses;
  return (
    <span className={`status status-${tone}`}>
      <span aria-hidden="true">{sign}</span>
      {label ?? names[status] ?? status}
    </span>
  );
}
