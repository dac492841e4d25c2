import { defined, oneOf, type RawSearch, text } from "../search";

export const WAYS = ["demo", "files", "plans", "yaml"] as const;

export const startSearch = (raw: RawSearch) => defined({ from: oneOf(raw.from, WAYS), plan: text(raw.plan) });
