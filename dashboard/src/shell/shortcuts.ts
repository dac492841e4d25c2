import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { createStore, useStore } from "../ui/store";
import { PAGES } from "./pages";
import { useProject } from "./project";

const SEQUENCE_MS = 1_000;
const isOpen = createStore(false);

export const openPalette = () => isOpen.set(true);
const closePalette = () => isOpen.set(false);

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

/** `Ctrl K` for commands, `g` and a letter for a page, `/` for the filter of the page. */
export function useShortcuts(): { isPaletteOpen: boolean; closePalette: () => void } {
  const navigate = useNavigate();
  const project = useProject();

  useEffect(() => {
    let first = { key: "", at: 0 };
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        isOpen.change((open) => !open);
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (event.key === "/") {
        const field = document.querySelector<HTMLInputElement>("[data-filter]");
        if (field) {
          event.preventDefault();
          field.focus();
        }
        return;
      }
      const sequence = event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : "";
      const page = PAGES.find((each) => each.keys === sequence);
      first = { key: event.key, at: event.timeStamp };
      if (page) void navigate({ to: page.to, search: project });
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, project]);

  return { isPaletteOpen: useStore(isOpen), closePalette };
}
