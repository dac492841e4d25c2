import { defined, integer, type RawSearch, texts } from "../search";

export const COST_GROUPS = ["project", "owner", "plan", "phase"] as const;

export const costsSearch = (raw: RawSearch) =>
  defined({ window: integer(raw.window), group: texts(raw.group, COST_GROUPS) });
