import { useCallback, useEffect, useRef, useState } from "react";
import { queries } from "../api/queries";
import { ask, matching } from "./steering";
import { type Named, type Tally, UNASKED } from "./tally";
import type { Filters } from "./use-workflows";
import type { Verb } from "./verbs";

interface Steering {
  stage: "counting" | "ready" | "asking" | "broken" | "over";
  /** How many were found so far. */
  found: number;
  named: Named | undefined;
  tally: Tally;
  error: unknown;
  /** How many match by now that were not among those named; undefined unless filters were given. */
  later: number | undefined;
  send: (why: string) => void;
  stop: () => void;
  goOn: () => void;
}

const isNamed = (given: Named | Filters): given is Named => "ids" in given;

/** A request to many: first it finds out whom it concerns, then it asks them, and at last it looks who came later. */
export function useSteering(verb: Verb, given: Named | Filters): Steering {
  const [first] = useState(given);
  const [named, setNamed] = useState(isNamed(first) ? first : undefined);
  const [stage, setStage] = useState<Steering["stage"]>(named ? "ready" : "counting");
  const [found, setFound] = useState(0);
  const [tally, setTally] = useState(UNASKED);
  const [error, setError] = useState<unknown>(null);
  const [later, setLater] = useState<number>();
  const why = useRef("");
  const closing = useRef(new AbortController());
  const stopping = useRef(new AbortController());

  const attempt = useCallback(async (work: (closing: AbortSignal) => Promise<void>) => {
    const { signal } = closing.current;
    setError(null);
    try {
      await work(signal);
    } catch (caught) {
      if (signal.aborted) return;
      setError(caught);
      setStage("broken");
    }
  }, []);
  const count = useCallback(
    () =>
      attempt(async (closed) => {
        if (isNamed(first)) return;
        setStage("counting");
        setNamed(await matching(verb, first, closed, setFound));
        setStage("ready");
      }),
    [attempt, first, verb],
  );
  const send = (of: Named) =>
    attempt(async (closed) => {
      stopping.current = new AbortController();
      setStage("asking");
      const signal = AbortSignal.any([closed, stopping.current.signal]);
      await ask({ verb, why: why.current, ids: of.ids, tally, signal, onTally: setTally });
      setStage("over");
      await queries.invalidateQueries();
      if (isNamed(first) || closed.aborted) return;
      const asked = new Set(of.ids);
      const now = await matching(verb, first, closed);
      setLater(now.ids.filter((id) => !asked.has(id)).length);
    });

  useEffect(() => {
    closing.current = new AbortController();
    void count();
    return () => closing.current.abort();
  }, [count]);
  return {
    stage,
    found,
    named,
    tally,
    error,
    later,
    send: (said) => {
      why.current = said;
      if (named) void send(named);
    },
    stop: () => stopping.current.abort(),
    goOn: () => void (named ? send(named) : count()),
  };
}
