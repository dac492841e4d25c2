import { useParams } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { api, type Schemas } from "../api/client";
import { follow } from "../api/follow";
import { queries } from "../api/queries";
import { preferences } from "../shell/preferences";
import { texts } from "../texts";

export type WorkflowDetail = Schemas["WorkflowDetailBody"];
export type Progress = Schemas["ProgressBody"];

const SETTLE_MS = 150;
const LOOKS_MS = 5_000;
const ENDED: readonly string[] = ["succeeded", "failed", "cancelled"];

/** Whether nothing more happens to a workflow in that state by itself. */
export const hasEnded = (status: string) => ENDED.includes(status);

const DRIVEN: readonly string[] = ["running", "pausing", "cancelling"];

/** Whether no orchestrator that lives drives a workflow on which one should be at work. */
export const isUndriven = ({ status, inside }: WorkflowDetail) =>
  DRIVEN.includes(status) && inside !== null && inside !== undefined && !inside.driver;

/** The id that the address names. */
export function useWorkflowId(): string {
  return useParams({ from: "/workflows/$workflow" }).workflow;
}

const keyOf = (id: string) => [
  "get",
  "/v1/workflows/{workflow}",
  { params: { path: { workflow: id }, query: { inside: true } } },
];

/** A workflow as it is now. */
export function useWorkflow(id: string) {
  return api.useQuery(
    "get",
    "/v1/workflows/{workflow}",
    { params: { path: { workflow: id }, query: { inside: true } } },
    { refetchInterval: (query) => (query.state.data && hasEnded(query.state.data.status) ? false : LOOKS_MS) },
  );
}

/**
 * Follow what happens to a workflow: whatever is shown of it is asked for again a moment after each event.
 * Gives the progress as it was last said.
 */
export function useLive(id: string, isOver: boolean): Progress | undefined {
  const [progress, setProgress] = useState<Progress>();
  useEffect(() => {
    if (isOver) return;
    let clock: ReturnType<typeof setTimeout> | undefined;
    let last = Number.NEGATIVE_INFINITY;
    const refresh = () => {
      // The first of many events is shown at once, those that follow it closely together.
      const pause = Math.max(0, SETTLE_MS - (performance.now() - last));
      clock ??= setTimeout(() => {
        clock = undefined;
        last = performance.now();
        void queries.invalidateQueries({ predicate: (query) => JSON.stringify(query.queryKey).includes(id) });
      }, pause);
    };
    const following = follow(`/v1/workflows/${id}/events`, (message) => {
      if (message.event === "progress") setProgress(JSON.parse(message.data));
      else refresh();
    }, refresh); // biome-ignore format: the callbacks belong together.
    return () => {
      following.stop();
      clearTimeout(clock);
    };
  }, [id, isOver]);
  return progress;
}

/** Tell whoever wants it, and looks elsewhere, that a workflow has ended. */
export function useNotice(workflow: WorkflowDetail | undefined): void {
  const earlier = useRef(workflow?.status);
  useEffect(() => {
    const [before, now] = [earlier.current, workflow?.status];
    earlier.current = now;
    if (workflow === undefined || before === undefined || hasEnded(before) || !hasEnded(workflow.status)) return;
    if (preferences.get().notifies && document.hidden && Notification.permission === "granted") {
      new Notification(workflow.name, { body: texts.statuses[workflow.status], tag: workflow.id });
    }
  }, [workflow]);
}

/** Put what a request answered in the place of what was known. */
export async function noteChanged(id: string): Promise<void> {
  await queries.invalidateQueries({ queryKey: keyOf(id) });
}
