import { createStore } from "../ui/store";

/** Whether the gateway answered when it was last asked. */
export const contact = createStore<"answers" | "away">("answers");

/** A request that a page has sent, for whoever wants to send it from elsewhere. */
export interface SentRequest {
  method: string;
  url: string;
  body: string;
}

const MOST = 20;

/** The last requests of the pages, newest first; polling repeats none. */
export const sentRequests = createStore<readonly SentRequest[]>([]);

export function noteRequest(sent: SentRequest): void {
  const isSame = (each: SentRequest) => each.method === sent.method && each.url === sent.url;
  sentRequests.change((all) => [sent, ...all.filter((each) => !isSame(each))].slice(0, MOST));
}
