import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { client, type Schemas } from "../api/client";
import type { WorkflowsSearch } from "./search";

export type Workflow = Schemas["WorkflowBody"];
export type Filters = Omit<WorkflowsSearch, "columns"> & { project?: string };

const PAGE = 100;
const LOOKS_MS = 2_000;
const LOOKS_AGAIN_MS = 15_000;
const MOST_LIVE_PAGES = 5;

interface Listed {
  rows: Workflow[];
  isLoaded: boolean;
  error: unknown;
  hasMore: boolean;
  more: () => void;
  retry: () => void;
}

async function page(query: object, signal: AbortSignal) {
  const answer = await client.GET("/v1/workflows", { params: { query: { limit: PAGE, ...query } }, signal });
  return answer.data as Schemas["WorkflowsBody"];
}

/** Pages of the list as far as they are asked for; its first page is looked at again and again, the others are kept. */
export function useWorkflows(filters: Filters): Listed {
  const pages = useInfiniteQuery({
    queryKey: ["workflows", filters],
    queryFn: ({ pageParam, signal }) => page({ ...filters, ...(pageParam ? { cursor: pageParam } : {}) }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) <= MOST_LIVE_PAGES ? LOOKS_AGAIN_MS : false),
  });
  const newest = useQuery({
    queryKey: ["workflows", filters, "first page"],
    queryFn: ({ signal }) => page(filters, signal),
    refetchInterval: LOOKS_MS,
  });
  const rows = useMemo(() => {
    const earlier = pages.data?.pages.flatMap((each) => each.items) ?? [];
    return newest.data === undefined ? earlier : merged(newest.data, earlier);
  }, [newest.data, pages.data]);
  return {
    rows,
    isLoaded: pages.data !== undefined,
    error: rows.length === 0 ? pages.error : null,
    hasMore: pages.hasNextPage,
    more: () => void (pages.isFetchingNextPage || pages.fetchNextPage()),
    retry: () => void pages.refetch(),
  };
}

/** The rows of the newest look, and behind them those of earlier pages; whatever left the first page is gone. */
export function merged(newest: Schemas["WorkflowsBody"], earlier: readonly Workflow[]): Workflow[] {
  const [first, last] = [newest.items[0], newest.items.at(-1)];
  if (!newest.next || first === undefined || last === undefined) return newest.items;
  const isNewestFirst = first.created_at >= last.created_at;
  const isBehind = (row: Workflow) =>
    isNewestFirst ? row.created_at < last.created_at : row.created_at > last.created_at;
  const seen = new Set(newest.items.map((each) => each.id));
  return [...newest.items, ...earlier.filter((row) => isBehind(row) && !seen.has(row.id))];
}
