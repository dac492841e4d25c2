import createFetchClient, { type Middleware } from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import { contact, noteRequest } from "./contact";
import { Problem, UnreachableError } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Where the gateway is: beside the page, whatever the path that a proxy has put before it. */
export const ROOT = new URL(".", document.baseURI.split("#")[0]).href.replace(/\/$/, "");

const PAGES_OF_OURS = "X-Eopiez-Request";

async function noted(request: Request): Promise<void> {
  const body = request.body === null ? "" : await request.clone().text();
  noteRequest({ method: request.method, url: request.url, body });
}

const middleware: Middleware = {
  async onRequest({ request }) {
    request.headers.set(PAGES_OF_OURS, "dashboard");
    await noted(request);
    return request;
  },
  async onResponse({ response }) {
    contact.set("answers");
    if (!response.ok) throw await Problem.of(response);
    return response;
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return error;
    contact.set("away");
    return new UnreachableError(String(error));
  },
};

/** Every operation of the API, typed by its description; whatever is not an answer is thrown as a `Problem`. */
export const client = createFetchClient<paths>({ baseUrl: ROOT });
client.use(middleware);

/** The same for components: queries that are cached, shared and repeated. */
export const api = createQueryClient(client);
