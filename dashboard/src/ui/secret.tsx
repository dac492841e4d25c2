import { texts } from "../texts";
import { CopyButton } from "./copy-button";

/** Something that is shown once. */
export function Secret({ name, value }: { name: string; value: string }) {
  return (
    <div className="note" role="status">
      <strong>{name}</strong>
      <span className="row">
        <code>{value}</code>
        <CopyButton text={value} label={texts.verbs.copy} />
      </span>
      <span className="quiet small">{texts.account.shownOnce}</span>
    </div>
  );
}
