import { defined, oneOf, type RawSearch, text, texts } from "../search";

/** In an address, that no group is open; without any word, small graphs are open and large ones closed. */
export const NONE_OPEN = ".";
const PLACE = /^-?\d+,-?\d+,\d+(\.\d+)?$/;

export const graphSearch = (raw: RawSearch) =>
  defined({
    /** Groups that are open. */
    open: texts<string>(raw.open),
    /** The step or group that is chosen. */
    step: text(raw.step),
    group: text(raw.group),
    find: text(raw.find),
    critical: oneOf(raw.critical, ["shown", "hidden"]),
    /** What is seen: x, y, scale. */
    at: PLACE.test(text(raw.at) ?? "") ? text(raw.at) : undefined,
  });

export type GraphSearch = ReturnType<typeof graphSearch>;

/** The groups that an address opens; undefined if it says nothing. */
export function openGroups(search: GraphSearch): readonly string[] | undefined {
  return search.open?.filter((name) => name !== NONE_OPEN);
}
