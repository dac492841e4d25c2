import type { ReactNode } from "react";
import { texts } from "../texts";
import { sentences } from "./toasts";

/** What went wrong where something should be, with a way to try again. */
export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const { text, detail } = sentences(error);
  return (
    <div className="note note-bad" role="alert">
      <strong>{text}</strong>
      {detail && <p className="small">{detail}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          {texts.verbs.tryAgain}
        </button>
      )}
    </div>
  );
}

/** Says that there is nothing, and what to do about it. */
export function Empty({ children }: { children: ReactNode }) {
  return <div className="note quiet">{children}</div>;
}

interface Answer<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** What a query gave, or that it is under way, or why it failed. */
export function Answered<T>({ query, children }: { query: Answer<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorNote error={query.error} retry={() => void query.refetch()} />;
  return <p className="quiet">{texts.shell.loading}</p>;
}
