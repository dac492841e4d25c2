import type { Schemas } from "../api/client";
import { defined, oneOf, type RawSearch, text, texts } from "../search";

export const STATUSES = [
  "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelling", "cancelled", "quarantined",
] as const satisfies readonly Schemas["WorkflowStatus"][]; // biome-ignore format: one line tells more.

export const ORDERS = ["newest", "oldest"] as const;

/** Every filter of the list is a part of its address. */
export const workflowsSearch = (raw: RawSearch) =>
  defined({
    status: texts(raw.status, STATUSES),
    text: text(raw.text),
    label: texts(raw.label),
    owner: text(raw.owner),
    name: text(raw.name),
    error_type: text(raw.error_type),
    created_after: text(raw.created_after),
    created_before: text(raw.created_before),
    order: oneOf(raw.order, ORDERS),
    columns: texts(raw.columns),
  });

export type WorkflowsSearch = ReturnType<typeof workflowsSearch>;

/** The search without what only concerns how it is shown. */
export function filtersOf({ columns: _, ...filters }: WorkflowsSearch): Omit<WorkflowsSearch, "columns"> {
  return filters;
}
