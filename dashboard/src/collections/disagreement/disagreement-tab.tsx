import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, type Schemas } from "../../api/client";
import { share } from "../../formats/numbers";
import { defined, integer } from "../../search";
import { texts } from "../../texts";
import { Field } from "../../ui/field";
import { Answered, Empty } from "../../ui/notes";
import { useThemes } from "../use-themes";
import { type Disagreement, reasons } from "./why";
import "./disagreement.css";

type Side = Schemas["DisagreeingBody"];

interface DisagreementTabProps {
  workflow: string;
  onOpen: (document: string) => void;
}

/** Neighbouring documents that disagree most, side by side, and why. */
export default function DisagreementTab({ workflow, onOpen }: DisagreementTabProps) {
  const { theme } = useSearch({ from: "/collections/$workflow" });
  const navigate = useNavigate();
  const themes = useThemes(workflow);
  const query = defined({ theme: theme === undefined ? undefined : [theme] });
  const found = api.useQuery("get", "/v1/pipeline/{workflow}/disagreements", { params: { path: { workflow }, query } });
  const label = (of: number) => themes.rows.find((each) => each.theme === of)?.label ?? texts.collections.unsorted;
  const choose = (chosen: string) =>
    void navigate({ to: ".", search: defined({ part: "disagreement" as const, theme: integer(chosen) }) });
  return (
    <div className="stack">
      <p className="quiet">{texts.disagreement.explained}</p>
      <Field label={texts.collections.theme}>
        {(id) => (
          <select
            id={id}
            className="disagreement-theme"
            value={theme ?? ""}
            onChange={({ target }) => choose(target.value)}
          >
            <option value="">{texts.tree.all}</option>
            {themes.rows.map((each) => (
              <option key={each.theme} value={each.theme}>
                {each.label}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Answered query={found}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>{texts.disagreement.none}</Empty>
          ) : (
            items.map((pair) => (
              <Pair key={`${pair.first.document_id} ${pair.second.document_id}`} {...{ pair, label, onOpen }} />
            ))
          )
        }
      </Answered>
    </div>
  );
}

interface PairProps {
  pair: Disagreement;
  label: (theme: number) => string;
  onOpen: (document: string) => void;
}

function Pair({ pair, label, onOpen }: PairProps) {
  return (
    <article className="panel">
      <header className="row between">
        <p>
          {reasons(pair)
            .map((reason) => texts.disagreement.reasons[reason])
            .join(" ") || texts.disagreement.mild}
        </p>
        <dl className="row disagreement-facts">
          {(["consistency", "similarity", "overlap"] as const).map((fact) => (
            <div key={fact}>
              <dt className="quiet small">{texts.disagreement.facts[fact]}</dt>
              <dd>{share(pair[fact])}</dd>
            </div>
          ))}
        </dl>
      </header>
      <div className="disagreement-sides">
        <One side={pair.first} label={label} onOpen={onOpen} />
        <One side={pair.second} label={label} onOpen={onOpen} />
      </div>
      {pair.common.length > 0 && <Words title={texts.disagreement.common} words={pair.common} />}
    </article>
  );
}

interface OneProps {
  side: Side;
  label: (theme: number) => string;
  onOpen: (document: string) => void;
}

function One({ side, label, onOpen }: OneProps) {
  const title = side.title || side.document_id;
  return (
    <section className="disagreement-side">
      <h2>
        <button type="button" className="link" onClick={() => onOpen(side.document_id)}>
          {title}
        </button>
      </h2>
      <p className="quiet small">{label(side.theme)}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by keyboard. */}
      <div className="document-text disagreement-text" tabIndex={0} role="group" aria-label={side.document_id}>
        {side.text}
      </div>
      {side.motifs.length > 0 && <Words title={texts.disagreement.own} words={side.motifs} />}
    </section>
  );
}

function Words({ title, words }: { title: string; words: readonly string[] }) {
  return (
    <div>
      <p className="quiet small">{title}</p>
      <div className="terms small">
        {words.map((word) => (
          <span key={word}>{word}</span>
        ))}
      </div>
    </div>
  );
}
