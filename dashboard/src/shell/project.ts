import { useSearch } from "@tanstack/react-router";
import { type RawSearch, text } from "../search";

/** Every page may be about one project; without one it is about all that its reader can see. */
export interface ProjectSearch {
  project?: string;
}

export function projectSearch(raw: RawSearch): ProjectSearch {
  const project = text(raw.project);
  return project ? { project } : {};
}

/** The project that the page is about, as a parameter of requests. */
export function useProject(): ProjectSearch {
  const { project } = useSearch({ strict: false });
  return project ? { project } : {};
}
