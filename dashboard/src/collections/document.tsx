import { api } from "../api/client";
import { share } from "../formats/numbers";
import { texts } from "../texts";
import { Dialog } from "../ui/dialog";
import { Answered } from "../ui/notes";
import { Time } from "../ui/time";
import { Hits } from "./hits";
import { type DocumentDetail, pieces } from "./rows";

interface DocumentDialogProps {
  workflow: string;
  document: string;
  onOpen: (document: string) => void;
  onClose: () => void;
}

/** One document with its motifs marked, and the documents that are like it. */
export function DocumentDialog({ workflow, document, onOpen, onClose }: DocumentDialogProps) {
  const params = { path: { workflow }, query: { document } };
  const found = api.useQuery("get", "/v1/pipeline/{workflow}/document", { params });
  const similar = api.useQuery("get", "/v1/pipeline/{workflow}/similar", {
    params: { path: { workflow }, query: { document, limit: 8 } },
  });
  return (
    <Dialog key={document} title={document} onClose={onClose}>
      <Answered query={found}>{({ item }) => <Shown document={item as unknown as DocumentDetail} />}</Answered>
      <h3>{texts.collections.similar}</h3>
      <Answered query={similar}>{({ items }) => <Hits hits={items} onOpen={onOpen} />}</Answered>
    </Dialog>
  );
}

function Shown({ document }: { document: DocumentDetail }) {
  return (
    <>
      {document.title && <h3>{document.title}</h3>}
      <p className="quiet small row">
        {document.theme !== null && <span>{texts.collections.ofTheme(document.theme)}</span>}
        {document.confidence !== null && <span>{share(document.confidence)}</span>}
        {document.time && <Time at={document.time} />}
        {document.source && <span>{document.source}</span>}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reached by keyboard. */}
      <div className="document-text" tabIndex={0} role="region" aria-label={document.document_id}>
        {pieces(document.text, document.motifs).map((piece, index) =>
          piece.motif ? (
            <mark key={index} title={piece.motif}>
              {piece.text}
            </mark>
          ) : (
            <span key={index}>{piece.text}</span>
          ),
        )}
      </div>
    </>
  );
}
