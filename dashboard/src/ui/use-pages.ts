import { useInfiniteQuery } from "@tanstack/react-query";

interface Page<Row> {
  items: Row[];
  next?: string | null;
}

interface Pages<Row> {
  rows: Row[];
  isLoaded: boolean;
  error: unknown;
  hasMore: boolean;
  more: () => void;
  retry: () => void;
}

/**
 * A list by its cursor, as far as it is asked for.
 *
 * @param key of the list in the cache; it names everything that the list depends on.
 * @param read gives the page at a cursor; the first one has none.
 */
export function usePages<Row>(
  key: readonly unknown[],
  read: (cursor: { cursor?: string }, signal: AbortSignal) => Promise<{ data?: Page<Row> | undefined }>,
): Pages<Row> {
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: async ({ pageParam, signal }) =>
      (await read(pageParam ? { cursor: pageParam } : {}, signal)).data as Page<Row>,
    initialPageParam: "",
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: (earlier) => earlier,
  });
  return {
    rows: pages.data?.pages.flatMap((page) => page.items) ?? [],
    isLoaded: pages.data !== undefined,
    error: pages.error,
    hasMore: pages.hasNextPage,
    more: () => void (pages.isFetchingNextPage || pages.fetchNextPage()),
    retry: () => void pages.refetch(),
  };
}
