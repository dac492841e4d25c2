import type { Zone } from "../formats/times";
import { createStore, type Store } from "../ui/store";

/** How a reader likes it; kept in their browser. */
export interface Preferences {
  theme: "system" | "light" | "dark";
  zone: Zone;
  times: "relative" | "absolute";
  notifies: boolean;
}

const KEY = "eopiez-preferences";
const USUAL: Preferences = { theme: "system", zone: "local", times: "relative", notifies: false };

function read(): Preferences {
  try {
    return { ...USUAL, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return USUAL;
  }
}

export const preferences: Store<Preferences> = createStore(read());

export function prefer(changes: Partial<Preferences>): void {
  preferences.change((all) => ({ ...all, ...changes }));
  localStorage.setItem(KEY, JSON.stringify(preferences.get()));
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme(): void {
  const { theme } = preferences.get();
  const isDark = theme === "dark" || (theme === "system" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}

/** Keep the page in the colours that its reader likes. */
export function followTheme(): void {
  applyTheme();
  preferences.subscribe(applyTheme);
  dark.addEventListener("change", applyTheme);
}
