import type { Schemas } from "../api/client";
import { share } from "../formats/numbers";

interface HitsProps {
  hits: readonly Schemas["HitBody"][];
  onOpen: (document: string) => void;
}

/** Documents and how close they are. */
export function Hits({ hits, onOpen }: HitsProps) {
  return (
    <div className="panel">
      {hits.map((hit) => (
        <div key={hit.document_id} className="hit">
          <span className="row">
            <button type="button" className="link" onClick={() => onOpen(hit.document_id)}>
              {hit.title || hit.document_id}
            </button>
            <span className="quiet small">{share(hit.similarity)}</span>
          </span>
          <span className="quiet small">{hit.snippet}</span>
        </div>
      ))}
    </div>
  );
}
