import { defined, integer, oneOf, type RawSearch, text } from "../search";

export const COLLECTION_PARTS = ["themes", "map", "motifs", "documents", "search"] as const;

export const collectionSearch = (raw: RawSearch) =>
  defined({
    part: oneOf(raw.part, COLLECTION_PARTS),
    theme: integer(raw.theme),
    query: text(raw.query),
    document: text(raw.document),
  });
