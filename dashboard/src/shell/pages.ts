import { texts } from "../texts";
import type { Role } from "./session";

/** The pages of the navigation, in its order. */
export const PAGES: readonly { to: string; title: string; sign: string; keys?: string; role?: Role }[] = [
  { to: "/", title: texts.pages.overview, sign: "◎", keys: "g o" },
  { to: "/workflows", title: texts.pages.workflows, sign: "≡", keys: "g w" },
  { to: "/start", title: texts.pages.start, sign: "▷", keys: "g s", role: "operator" },
  { to: "/collections", title: texts.pages.collections, sign: "❖", keys: "g n" },
  { to: "/performance", title: texts.pages.performance, sign: "◔", keys: "g p" },
  { to: "/costs", title: texts.pages.costs, sign: "¤", keys: "g c" },
  { to: "/alerts", title: texts.pages.alerts, sign: "△", keys: "g a" },
  { to: "/logs", title: texts.pages.logs, sign: "☰", keys: "g l" },
  { to: "/metrics", title: texts.pages.metrics, sign: "∿", keys: "g m" },
  { to: "/resources", title: texts.pages.resources, sign: "▦", keys: "g r" },
  { to: "/services", title: texts.pages.services, sign: "⇄", keys: "g v" },
  { to: "/administration", title: texts.pages.administration, sign: "⚙", keys: "g d", role: "administrator" },
  { to: "/settings", title: texts.pages.settings, sign: "☺", keys: "g y" },
];
