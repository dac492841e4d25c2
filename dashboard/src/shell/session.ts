import type { Schemas } from "../api/client";
import { api } from "../api/client";
import { Problem } from "../api/problem";

export type Profile = Schemas["ProfileBody"];

export type Session =
  | { state: "unknown" }
  | { state: "signed-out" }
  | { state: "must-change" }
  | { state: "signed-in"; profile: Profile };

const LOOKS_MS = 30_000;

/** Who looks at the page; noticed within half a minute if they were signed out elsewhere. */
export function useSession(): Session {
  const profile = api.useQuery("get", "/v1/users/profile", {}, { refetchInterval: LOOKS_MS });
  const error: unknown = profile.error;
  if (error instanceof Problem && error.status === 401) return { state: "signed-out" };
  if (error instanceof Problem && error.type === "password-change-needed") return { state: "must-change" };
  if (profile.data === undefined) return { state: "unknown" };
  return { state: "signed-in", profile: profile.data };
}

const RANKS = ["observer", "viewer", "operator", "developer", "administrator"] as const;
export type Role = (typeof RANKS)[number];

/** Whether somebody has at least that role in a project; in any of theirs if none is named. */
export function hasRole(profile: Profile, role: Role, project?: string): boolean {
  if (profile.is_system_administrator) return true;
  const enough = (each: string | undefined) => each !== undefined && RANKS.indexOf(each as Role) >= RANKS.indexOf(role);
  return project ? enough(profile.roles[project]) : Object.values(profile.roles).some(enough);
}
