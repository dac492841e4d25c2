import { defined, integer, integers, oneOf, type RawSearch, text } from "../search";
import { CHANGES, KINDS } from "./comparison/groups";

export const COLLECTION_PARTS = [
  "themes",
  "tree",
  "map",
  "motifs",
  "documents",
  "times",
  "disagreement",
  "search",
  "compare",
] as const;

export const collectionSearch = (raw: RawSearch) =>
  defined({
    part: oneOf(raw.part, COLLECTION_PARTS),
    theme: integer(raw.theme),
    query: text(raw.query),
    document: text(raw.document),
    node: integer(raw.node),
    closed: integers(raw.closed),
    view: oneOf(raw.view, ["documents", "map"] as const),
    since: text(raw.since),
    until: text(raw.until),
    before: text(raw.before),
    by: oneOf(raw.by, ["documents", "words"] as const),
    kind: oneOf(raw.kind, KINDS),
    change: oneOf(raw.change, CHANGES),
    was: integers(raw.was),
    now: integers(raw.now),
  });
