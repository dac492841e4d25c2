import { type Theme, theme } from "../canvas/theme";
import { useCanvas } from "../canvas/use-canvas";
import { texts } from "../texts";
import { useStore } from "../ui/store";
import { stylesOf } from "./patterns";
import type { Mark } from "./picture";
import { STATES } from "./states";

/** What the patterns and signs mean; only those that occur. */
export function Legend({ states, marks }: { states: ReadonlySet<number>; marks: readonly Mark[] }) {
  const colours = useStore(theme);
  const kinds = [...new Map(marks.map((mark) => [mark.sign, mark.label]))];
  return (
    <ul className="legend small quiet" aria-label={texts.timeline.legend}>
      {STATES.map((state, number) =>
        states.has(number) ? (
          <li key={state}>
            <Swatch state={number} colours={colours} />
            {texts.timeline.states[state]}
          </li>
        ) : null,
      )}
      {kinds.map(([sign, label]) => (
        <li key={sign}>
          <span className="mark" aria-hidden="true">
            {sign}
          </span>
          {label}
        </li>
      ))}
    </ul>
  );
}

function Swatch({ state }: { state: number; colours: Theme }) {
  const { ref } = useCanvas(({ context, width, height, theme: now }) => {
    const { fills, looks } = stylesOf(context, now);
    context.fillStyle = looks[state]?.ink ?? "";
    context.fillRect(0, 0, width, height);
    context.fillStyle = fills[state] ?? "";
    const border = looks[state]?.pattern === "outline" ? 1 : 0;
    context.fillRect(border, border, width - 2 * border, height - 2 * border);
  });
  return <canvas ref={ref} className="swatch" />;
}
