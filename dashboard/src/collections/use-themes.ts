import { client } from "../api/client";
import { usePages } from "../ui/use-pages";
import type { Theme } from "./rows";

/** The themes of a collection, the largest first. */
export function useThemes(workflow: string) {
  return usePages<Theme>(["themes", workflow], async (cursor, signal) => {
    const params = { path: { workflow }, query: { limit: 500, ...cursor } };
    const { data } = await client.GET("/v1/pipeline/{workflow}/themes", { params, signal });
    return { data: data as { items: object[]; next?: string | null } as { items: Theme[]; next?: string | null } };
  });
}
