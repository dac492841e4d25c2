import { defined, integer, oneOf, type RawSearch, text, texts } from "../search";

export const GROUPS = ["project", "plan", "step", "phase", "version", "node"] as const;
export const ORDERS = ["time", "slowest", "variable", "failing"] as const;
export const BASELINES = ["before", "day", "week"] as const;

export const performanceSearch = (raw: RawSearch) =>
  defined({
    window: integer(raw.window),
    group: texts(raw.group, GROUPS),
    order: oneOf(raw.order, ORDERS),
    baseline: oneOf(raw.baseline, BASELINES),
    plan: text(raw.plan),
  });
