import { createParser, type EventSourceMessage } from "eventsource-parser";
import { ROOT } from "./client";
import { contact } from "./contact";
import { Problem } from "./problem";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** A stream that is being followed. */
export interface Following {
  stop(): void;
}

/**
 * Follow a stream of server-sent events until it ends or is stopped. After a break it goes on behind the last event,
 * so that none is missed and none comes twice.
 *
 * @param path of the resource, as in `/v1/workflows/…/events`.
 * @param onMessage is called for each message.
 * @param onEnd is called when there is nothing more to follow.
 */
export function follow(path: string, onMessage: (message: EventSourceMessage) => void, onEnd?: () => void): Following {
  const stopping = new AbortController();
  let lastId = "";
  let pause = FIRST_PAUSE_MS;

  const parser = createParser({
    onEvent: (message) => {
      lastId = message.id || lastId;
      onMessage(message);
    },
  });

  async function readOnce(): Promise<"over" | "broken"> {
    const headers: Record<string, string> = { Accept: "text/event-stream", "X-Eopiez-Request": "dashboard" };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const response = await fetch(ROOT + path, { headers, signal: stopping.signal });
    contact.set("answers");
    if (response.status === 204) return "over";
    if (!response.ok || response.body === null) throw await Problem.of(response);
    pause = FIRST_PAUSE_MS;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
    parser.reset();
    return "broken";
  }

  async function read(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        if ((await readOnce()) === "over") return onEnd?.();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (error instanceof Problem && !error.isPassing) return onEnd?.();
        if (!(error instanceof Problem)) contact.set("away");
      }
      parser.reset();
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  void read();
  return { stop: () => stopping.abort() };
}
