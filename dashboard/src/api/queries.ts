import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { toast } from "../ui/toasts";
import { isPassing, Problem } from "./problem";

const TRIES = 5;
const FRESH_MS = 1_000;

/** Whoever is signed out is shown where to sign in; the page stays as it is meanwhile. */
function noticeSignOut(error: Error): void {
  if (error instanceof Problem && error.status === 401) {
    void queries.invalidateQueries({ queryKey: ["get", "/v1/users/profile"] });
  }
}

export const queries = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => query.queryKey[1] !== "/v1/users/profile" && noticeSignOut(error),
  }),
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      noticeSignOut(error);
      if (mutation.meta?.showsErrors !== true) toast.problem(error);
    },
  }),
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: FRESH_MS,
      retry: (count, error) => isPassing(error) && count < TRIES,
      retryDelay: (count) => Math.min(500 * 2 ** count, 5_000),
    },
    mutations: { networkMode: "always", retry: false },
  },
});
