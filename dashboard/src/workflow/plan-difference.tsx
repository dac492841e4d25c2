import { useMemo } from "react";
import { texts } from "../texts";
import { type DifferenceLine, difference, passages } from "./difference";
import { yamlOf } from "./yaml";

const SIGNS = { one: "- ", other: "+ ", both: "  " };
const WORDS = { one: texts.workflow.removedLine, other: texts.workflow.addedLine, both: "" };

/** Two plans line by line as YAML; long stretches that are alike are left out. */
export function PlanDifference({ one, other }: { one: unknown; other: unknown }) {
  const found = useMemo(() => passages(difference(yamlOf(one).split("\n"), yamlOf(other).split("\n"))), [one, other]);
  if (found.every((each) => "alike" in each)) return <p className="quiet">{texts.workflow.same}</p>;
  return (
    <pre className="difference">
      {found.map((each, index) =>
        "alike" in each ? (
          <div key={index} className="quiet">
            {`  … ${texts.workflow.alikeLines(each.alike)}`}
          </div>
        ) : (
          each.lines.map((line, at) => <Line key={`${index}/${at}`} line={line} />)
        ),
      )}
    </pre>
  );
}

function Line({ line }: { line: DifferenceLine }) {
  return (
    <div className={`side-${line.side}`}>
      <span aria-hidden="true">{SIGNS[line.side]}</span>
      {WORDS[line.side] && <span className="only-read-aloud">{WORDS[line.side]}</span>}
      {line.text}
    </div>
  );
}
