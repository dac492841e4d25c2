import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { defined } from "../search";

/** Changes parts of the address of the page that is shown; what becomes undefined leaves it. */
export function useChange(): (changes: object) => void {
  const navigate = useNavigate();
  return useCallback(
    (changes: object) => {
      const search = (earlier: object) => defined({ ...earlier, ...changes });
      void navigate({ to: ".", search, replace: true, resetScroll: false });
    },
    [navigate],
  );
}
