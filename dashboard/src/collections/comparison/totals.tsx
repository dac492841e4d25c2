import { number } from "../../formats/numbers";
import { texts } from "../../texts";
import { BehindLink } from "./behind-link";
import { type Change, type Comparison, countKinds } from "./groups";

/** What the comparison comes to: documents and themes of each fate, and what the themes are matched by. */
export function Totals({ comparison }: { comparison: Comparison }) {
  const { common, moved, before, after } = comparison;
  const counts: readonly [Change, number][] = [
    ["stayed", common - moved],
    ["moved", moved],
    ["gone", before.documents - common],
    ["new", after.documents - common],
  ];
  return (
    <section className="panel" aria-label={texts.comparison.documents}>
      <dl className="comparison-totals">
        {counts.map(([change, count]) => (
          <div key={change}>
            <dt className="quiet small">{texts.comparison.changes[change]}</dt>
            <dd>
              <BehindLink count={count} to={{ change }} label={texts.comparison.changes[change]} />
            </dd>
          </div>
        ))}
        <div>
          <dt className="quiet small">{texts.comparison.all}</dt>
          <dd>
            {number(before.documents)} → {number(after.documents)}
          </dd>
        </div>
        <div>
          <dt className="quiet small">{texts.collections.parts.themes}</dt>
          <dd>
            {number(before.themes.length)} → {number(after.themes.length)}
          </dd>
        </div>
      </dl>
      <p className="quiet small">
        {texts.comparison.matched[comparison.matched_by](common)}{" "}
        {[...countKinds(comparison.groups)].map(([kind, count]) => texts.comparison.groups(kind, count)).join(", ")}.
      </p>
    </section>
  );
}
