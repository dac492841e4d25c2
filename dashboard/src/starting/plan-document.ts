import { isNode, LineCounter, parseDocument } from "yaml";

/** Something wrong with a document, and the line where it is. */
export interface Fault {
  line: number;
  message: string;
}

/** A plan document as the value that the API takes; or what is wrong with its YAML. */
export function parsePlan(text: string): { value: unknown; faults: Fault[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const faults = document.errors.map((error) => ({
    line: error.linePos?.[0].line ?? 1,
    message: error.message.split("\n")[0] ?? error.message,
  }));
  return { value: faults.length ? undefined : document.toJS(), faults };
}

const ROUTE = /^plan: ([^:]+): /;

/** A refusal of the gateway at the line of the keys that it begins with, as in `plan: steps.a.inputs: …`. */
export function faultOf(text: string, refusal: string): Fault {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const route = (ROUTE.exec(refusal)?.[1] ?? "").split(".").filter(Boolean);
  for (let length = route.length; length > 0; length -= 1) {
    const at = keyAt(document.contents, route.slice(0, length));
    if (at !== undefined) return { line: lines.linePos(at).line, message: refusal };
  }
  return { line: 1, message: refusal };
}

interface Pair {
  key: unknown;
  value: unknown;
}

/** Where the key of a route stands; names of steps may contain dots themselves. */
function keyAt(node: unknown, route: readonly string[]): number | undefined {
  const items = (node as { items?: unknown[] } | null)?.items ?? [];
  for (let taken = route.length; taken > 0; taken -= 1) {
    const wanted = route.slice(0, taken).join(".");
    const found = items.find((each, index) => nameOf(each, index) === wanted) as Pair | undefined;
    if (found === undefined) continue;
    const rest = route.slice(taken);
    const place = "key" in found ? found.key : found;
    if (rest.length === 0) return isNode(place) ? (place.range?.[0] ?? undefined) : undefined;
    return keyAt("key" in found ? found.value : found, rest);
  }
  return undefined;
}

function nameOf(item: unknown, index: number): string {
  const key = (item as Partial<Pair>).key;
  return isNode(key) ? String(key) : String(index);
}
