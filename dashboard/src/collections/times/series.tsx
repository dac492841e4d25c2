import { number } from "../../formats/numbers";
import { texts } from "../../texts";
import { Bars } from "./bars";
import { burstsOf, largestFirst, type Timeline } from "./times";

interface SeriesProps {
  timeline: Timeline;
  chosen: number | undefined;
  label: (theme: number) => string;
  onChoose: (chosen: { theme: number | undefined }) => void;
}

/** Each theme over time, on a scale of its own; bursts are marked. */
export function Series({ timeline, chosen, label, onChoose }: SeriesProps) {
  return (
    <section className="panel times-series" aria-label={texts.collections.parts.themes}>
      {largestFirst(timeline.themes).map(({ theme, documents, count }) => {
        const marked = burstsOf(theme, timeline.bursts, documents.length);
        const bursts = timeline.bursts.filter((burst) => burst.theme === theme).length;
        return (
          <div key={theme} className="times-theme">
            <button
              type="button"
              className="plain"
              aria-pressed={theme === chosen}
              onClick={() => onChoose({ theme: theme === chosen ? undefined : theme })}
            >
              <span className="ellipsis">{label(theme)}</span>
            </button>
            <Bars values={documents} largest={Math.max(...documents)} marked={marked} />
            <span className="quiet small times-count">
              {number(count)}
              {bursts > 0 && (
                <>
                  {" "}
                  <span className="times-sign">▲ {texts.times.bursts(bursts)}</span>
                </>
              )}
            </span>
          </div>
        );
      })}
    </section>
  );
}
