import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { client } from "../api/client";
import { Spans } from "./spans";

const PAGE = 100_000;
/** More than this is not loaded: a million tasks are 60 MB here. */
export const MOST = 1_000_000;
const LOOKS_MS = 1_000;

interface Timeline {
  /** Undefined until everything has been read. */
  spans: Spans | undefined;
  /** Rises with each change. */
  version: number;
  error: unknown;
  retry: () => void;
}

/**
 * Read the timeline of a workflow, and what is new once a second while it is not over.
 *
 * @param plan its version: what an update takes away is gone from the timeline too.
 */
export function useTimeline(id: string, plan: number, isOver: boolean): Timeline {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another plan is another timeline.
  const reader = useMemo(() => new Reader(id), [id, plan]);
  const query = useQuery({
    queryKey: ["timeline", reader.key],
    queryFn: ({ signal }) => reader.read(signal, isOver),
    // Once more when it is over: what has happened in the end.
    refetchInterval: () => (reader.isComplete ? false : LOOKS_MS),
    placeholderData: (earlier) => earlier,
    structuralSharing: false,
    gcTime: 0,
  });
  return {
    spans: query.data?.spans,
    version: query.data?.count ?? 0,
    error: query.error,
    retry: () => void query.refetch(),
  };
}

let readers = 0;

class Reader {
  readonly key = readers++;
  private spans: Spans | undefined;
  private after: string | undefined;
  /** Whether all has been read since it was over. */
  isComplete = false;

  constructor(private readonly id: string) {}

  async read(signal: AbortSignal, isOver: boolean): Promise<{ spans: Spans; count: number }> {
    if (this.spans === undefined) await this.readAll(signal);
    else await this.readNews(this.spans, signal);
    this.isComplete = isOver;
    const spans = this.spans as unknown as Spans;
    return { spans, count: spans.count };
  }

  private async readAll(signal: AbortSignal): Promise<void> {
    const spans = new Spans();
    let cursor: string | null | undefined;
    do {
      const page = await this.page(cursor ? { cursor } : {}, signal);
      spans.add(page);
      cursor = page.next;
      this.after = page.after;
    } while (cursor && spans.count < MOST);
    this.spans = spans;
  }

  private async readNews(spans: Spans, signal: AbortSignal): Promise<void> {
    let hasMore = spans.count < MOST;
    while (hasMore) {
      const page = await this.page({ after: this.after as string }, signal);
      spans.add(page, true);
      this.after = page.after;
      hasMore = page.next !== null && spans.count < MOST;
    }
  }

  private async page(place: { cursor?: string; after?: string }, signal: AbortSignal) {
    const params = { path: { workflow: this.id }, query: { limit: PAGE, ...place } };
    const { data } = await client.GET("/v1/workflows/{workflow}/timeline", { params, signal });
    return data as NonNullable<typeof data>;
  }
}
