import { type RefObject, useState } from "react";
import { texts } from "../texts";
import type { GraphHandle } from "./canvas";
import type { GraphSearch } from "./search";

interface ControlsProps {
  search: GraphSearch;
  isCritical: boolean;
  found: ReadonlySet<number>;
  selected: number | undefined;
  picture: RefObject<GraphHandle | null>;
  onGoTo: (box: number) => void;
  onOpenAll: () => void;
  onCloseAll: () => void;
  onChange: (changes: object) => void;
}

export function Controls(props: ControlsProps) {
  const { search, isCritical, picture, onOpenAll, onCloseAll, onChange } = props;
  return (
    <div className="row between">
      <div className="row">
        <Finder {...props} />
        <label className="row">
          <input
            type="checkbox"
            checked={isCritical}
            onChange={(event) => onChange({ critical: event.target.checked ? "shown" : "hidden" })}
          />
          <span className="critical-swatch" aria-hidden="true" />
          {texts.graph.critical}
        </label>
        {search.find !== undefined && <span className="quiet">{texts.graph.found(props.found.size)}</span>}
      </div>
      <div className="row">
        <button type="button" onClick={onOpenAll}>
          {texts.graph.openAll}
        </button>
        <button type="button" onClick={onCloseAll}>
          {texts.graph.closeAll}
        </button>
        <button type="button" aria-label={texts.timeline.zoomOut} onClick={() => picture.current?.zoom(1 / 1.5)}>
          −
        </button>
        <button type="button" aria-label={texts.timeline.zoomIn} onClick={() => picture.current?.zoom(1.5)}>
          +
        </button>
        <button type="button" onClick={() => picture.current?.fit()}>
          {texts.timeline.fit}
        </button>
      </div>
    </div>
  );
}

/** Marks what matches; Enter goes from one to the next. */
function Finder({ search, found, selected, onGoTo, onChange }: ControlsProps) {
  const [typed, setTyped] = useState(search.find ?? "");
  const next = () => {
    const boxes = [...found];
    const following = boxes.find((box) => selected !== undefined && box > selected) ?? boxes[0];
    if (following !== undefined) onGoTo(following);
  };
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        next();
      }}
    >
      <input
        type="search"
        data-filter
        aria-label={texts.graph.find}
        placeholder={texts.graph.find}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          onChange({ find: event.target.value || undefined });
        }}
      />
      <button type="submit" disabled={found.size === 0}>
        {texts.graph.next}
      </button>
    </form>
  );
}
