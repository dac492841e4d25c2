const PLAIN = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** A scalar of YAML 1.2; whatever could mean something else is quoted, as JSON quotes it. */
function scalar(value: unknown): string {
  if (typeof value === "string" && PLAIN.test(value) && !RESERVED.test(value)) return value;
  return JSON.stringify(value);
}

const isEmpty = (value: unknown) => value === null || value === undefined;

/**
 * A value of JSON as YAML in block style. What is null is left out of objects.
 *
 * Strings are plain or in JSON's quotes, which YAML 1.2 reads alike, so that nothing can be misread.
 */
export function yamlOf(value: unknown, indent = ""): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}[]`;
    return value.map((each) => `${indent}- ${yamlOf(each, `${indent}  `).trimStart()}`).join("\n");
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => !isEmpty(each));
    if (entries.length === 0) return `${indent}{}`;
    return entries.map(([key, each]) => entry(key, each, indent)).join("\n");
  }
  return `${indent}${scalar(value)}`;
}

function entry(key: string, value: unknown, indent: string): string {
  const isNested = typeof value === "object" && Object.keys(value as object).length > 0;
  const below = isNested ? `\n${yamlOf(value, `${indent}  `)}` : ` ${yamlOf(value).trim()}`;
  return `${indent}${scalar(key)}:${below}`;
}
