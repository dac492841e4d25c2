import { defined, oneOf, type RawSearch, text } from "../search";

export const PARTS = ["projects", "users", "limits", "audit"] as const;

export const administrationSearch = (raw: RawSearch) =>
  defined({
    part: oneOf(raw.part, PARTS),
    text: text(raw.text),
    action: text(raw.action),
    actor: text(raw.actor),
    result: oneOf(raw.result, ["done", "refused", "failed"]),
  });
