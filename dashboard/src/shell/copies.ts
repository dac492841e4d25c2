import { ROOT } from "../api/client";
import type { SentRequest } from "../api/contact";

/** A word of a POSIX shell. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A request for curl; the key stays a variable, so that no secret is copied. */
export function asCurl(sent: SentRequest): string {
  const parts = ["curl", quoted(sent.url), "-H", '"Authorization: Bearer $EOPIEZ_KEY"'];
  if (sent.method !== "GET") parts.push("-X", sent.method);
  if (sent.body) parts.push("-H", quoted("Content-Type: application/json"), "-d", quoted(sent.body));
  return parts.join(" ");
}

/** A request for Python's httpx, which the client installs too. */
export function asPython(sent: SentRequest): string {
  const body = sent.body ? `, content=${JSON.stringify(sent.body)}, ` : ", ";
  const type = sent.body ? `"Content-Type": "application/json", ` : "";
  return [
    "import os",
    "import httpx",
    "",
    `answer = httpx.request(${JSON.stringify(sent.method)}, ${JSON.stringify(sent.url)}${body}headers={${type}"Authorization": f"Bearer {os.environ['EOPIEZ_KEY']}"})`,
    "print(answer.raise_for_status().json())",
    "",
  ].join("\n");
}

const ID = "([0-9a-f-]{36})";
const COMMANDS: readonly [method: string, path: RegExp, command: (...found: string[]) => string][] = [
  ["GET", new RegExp(`^/v1/workflows/${ID}$`), (id) => `eopiez show ${id}`],
  ["GET", new RegExp(`^/v1/workflows/${ID}/events$`), (id) => `eopiez events ${id}`],
  ["GET", new RegExp(`^/v1/workflows/${ID}/logs$`), (id) => `eopiez logs ${id}`],
  ["GET", new RegExp(`^/v1/workflows/${ID}/performance$`), (id) => `eopiez performance ${id}`],
  ["DELETE", new RegExp(`^/v1/workflows/${ID}$`), (id) => `eopiez cancel ${id}`],
  ["POST", new RegExp(`^/v1/workflows/${ID}/(pause|resume|retry)$`), (id, verb) => `eopiez ${verb} ${id}`],
  ["GET", /^\/v1\/workflows$/, () => "eopiez list"],
  ["GET", /^\/v1\/performance$/, () => "eopiez performance"],
  ["GET", /^\/v1\/costs$/, () => "eopiez costs"],
  ["GET", /^\/v1\/alerts$/, () => "eopiez alerts"],
  ["GET", /^\/v1\/logs$/, () => "eopiez logs --system"],
];

/** The command that does the same, if there is one. */
export function asCommand(sent: SentRequest): string | undefined {
  const path = new URL(sent.url).pathname.slice(new URL(ROOT).pathname.replace(/\/$/, "").length);
  for (const [method, pattern, command] of COMMANDS) {
    const found = method === sent.method ? pattern.exec(path) : null;
    if (found) return command(...found.slice(1));
  }
  return undefined;
}
