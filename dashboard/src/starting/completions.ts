import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";

interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
}

const KEY = /^(\s*(?:- )?)([^\s#:][^:]*):/;

/** The keys above a line of block YAML, from the outermost: those of lines that are indented less. */
export function pathAt(lines: readonly string[], line: number, indent: number): string[] {
  const path: string[] = [];
  let within = indent;
  for (let at = line - 1; at >= 0 && within > 0; at -= 1) {
    const found = KEY.exec(lines[at] ?? "");
    const depth = found?.[1]?.length ?? within;
    if (found && depth < within) {
      path.unshift((found[2] ?? "").trim());
      within = depth;
    }
  }
  return path;
}

function variants(schema: Schema | undefined, root: Schema): Schema[] {
  if (schema === undefined) return [];
  if (schema.$ref) return variants(root.$defs?.[schema.$ref.split("/").at(-1) ?? ""], root);
  const more = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return more.length ? more.flatMap((each) => variants(each, root)) : [schema];
}

/** The schemas that what lies below a path may have. */
export function schemasAt(root: Schema, path: readonly string[]): Schema[] {
  let all = variants(root, root);
  for (const key of path) {
    all = all.flatMap((schema) => {
      const below = schema.properties?.[key] ?? schema.additionalProperties ?? schema.items;
      return typeof below === "object"
        ? variants(below, root).flatMap((each) => (each.items ? variants(each.items, root) : [each]))
        : [];
    });
  }
  return all;
}

/** Keys, or values of a key, that the schema of plans knows where the cursor is. */
export function completionsOf(context: CompletionContext, schema: unknown): CompletionResult | null {
  if (typeof schema !== "object" || schema === null) return null;
  const word = context.matchBefore(/[\w-]*$/);
  if (word === null || (word.from === word.to && !context.explicit)) return null;
  const line = context.state.doc.lineAt(context.pos);
  const lines = context.state.doc.toString().split("\n");
  const before = line.text.slice(0, word.from - line.from);
  const indent = (/^\s*(?:- )?/.exec(line.text)?.[0] ?? "").length;
  const path = pathAt(lines, line.number - 1, indent);
  const key = KEY.exec(before);
  const found = key ? valuesOf(schemasAt(schema, [...path, (key[2] ?? "").trim()])) : keysOf(schemasAt(schema, path));
  return found.length ? { from: word.from, options: found } : null;
}

function keysOf(schemas: readonly Schema[]): Completion[] {
  const keys = new Map(schemas.flatMap((schema) => Object.entries(schema.properties ?? {})));
  return [...keys].map(([label, each]) => ({
    label,
    type: "property",
    apply: `${label}: `,
    ...(each.description ? { info: each.description } : {}),
  }));
}

function valuesOf(schemas: readonly Schema[]): Completion[] {
  const values = schemas.flatMap((schema) => [
    ...(schema.enum ?? []),
    ...(schema.const === undefined ? [] : [schema.const]),
  ]);
  return values.map((value) => ({ label: String(value), type: "constant" }));
}
