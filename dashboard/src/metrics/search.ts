import { defined, integer, type RawSearch, text } from "../search";

export const metricsSearch = (raw: RawSearch) =>
  defined({ metric: text(raw.metric), by: text(raw.by), window: integer(raw.window) });
