import { defined, flag, integer, oneOf, type RawSearch, text } from "../search";

export const OUTCOMES = [
  "succeeded", "failed", "timed_out", "lost", "out_of_memory", "refused", "not_started",
] as const; // biome-ignore format: one line tells more.
export const LEVELS = ["debug", "info", "warning", "error", "critical"] as const;

export const tasksSearch = (raw: RawSearch) =>
  defined({
    step: text(raw.step),
    worker: text(raw.worker),
    slower_than_s: integer(raw.slower_than_s),
    has_rejects: flag(raw.has_rejects),
    is_cached: flag(raw.is_cached),
  });

export const attemptsSearch = (raw: RawSearch) =>
  defined({
    step: text(raw.step),
    worker: text(raw.worker),
    outcome: oneOf(raw.outcome, OUTCOMES),
    latest: flag(raw.latest),
  });

export const logsSearch = (raw: RawSearch) =>
  defined({ step: text(raw.step), level: oneOf(raw.level, LEVELS), text: text(raw.text), follow: flag(raw.follow) });

export const resultsSearch = (raw: RawSearch) => defined({ step: text(raw.step), partition: integer(raw.partition) });

export const compareSearch = (raw: RawSearch) => defined({ other: text(raw.other) });

export const planSearch = (raw: RawSearch) => defined({ version: integer(raw.version), beside: integer(raw.beside) });

export const rejectsSearch = (raw: RawSearch) => defined({ step: text(raw.step), reason: text(raw.reason) });
