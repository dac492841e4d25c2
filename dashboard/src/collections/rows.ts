/** Rows of the pipeline's tables (docs/report.md), as far as pages show them. */
export interface Theme {
  theme: number;
  label: string;
  terms: string[];
  weights: number[];
  documents: number;
  language: string | null;
  consistency: number | null;
  exemplars: string[];
}

export interface Motif {
  motif: string;
  words: string[];
  count: number;
  documents: number;
  score: number;
  category: string | null;
  parent: string | null;
}

export interface DocumentRow {
  document_id: string;
  text: string;
  title: string | null;
  source: string | null;
  time: string | null;
  label: string | null;
  language: string | null;
  theme: number | null;
  confidence: number | null;
  consistency: number | null;
  is_outlier: boolean | null;
}

export interface Occurrence {
  motif: string;
  start: number;
  end: number;
}

export type DocumentDetail = DocumentRow & { motifs: Occurrence[] };

export interface Piece {
  text: string;
  motif: string | null;
}

/**
 * A text cut where its motifs begin and end. Where motifs overlap, the one that begins first counts, and of those the
 * longest.
 *
 * @param text of a document.
 * @param motifs sorted by where they begin, then by length; places count characters, not the units of UTF-16.
 */
export function pieces(text: string, motifs: readonly Occurrence[]): Piece[] {
  const characters = [...text];
  const found: Piece[] = [];
  let at = 0;
  const cut = (end: number, motif: string | null) => {
    if (end > at) found.push({ text: characters.slice(at, end).join(""), motif });
    at = Math.max(at, end);
  };
  for (const { motif, start, end } of motifs) {
    if (start < at) continue;
    cut(start, null);
    cut(Math.min(end, characters.length), motif);
  }
  cut(characters.length, null);
  return found;
}
