import { defined, flag, oneOf, type RawSearch, text } from "../search";
import { LEVELS } from "../workflow/searches";

export const PARTS = ["gateway", "orchestrator", "supervisor", "task"] as const;

export const systemLogsSearch = (raw: RawSearch) =>
  defined({
    level: oneOf(raw.level, LEVELS),
    text: text(raw.text),
    part: oneOf(raw.part, PARTS),
    request_id: text(raw.request_id),
    follow: flag(raw.follow),
  });
