import { texts } from "../texts";
import type { Role } from "./session";

/** The pages of the navigation, in its order. */
export const PAGES: readonly { to: string; title: string; sign: string; keys?: string; role?: Role }[] = [
  { to: "/", title: texts.pages.overview, sign: "◎", keys: "g o" },
  { to: "/workflows", title: texts.pages.workflows, sign: "≡", keys: "g w" },
  { to: "/start", title: texts.pages.start, sign: "▷", keys: "g s", role: "operator" },
  { to: "/administration", title: texts.pages.administration, sign: "⚙", keys: "g d", role: "administrator" },
  { to: "/settings", title: texts.pages.settings, sign: "☺", keys: "g y" },
];
