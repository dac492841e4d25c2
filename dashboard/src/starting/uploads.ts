import { client, ROOT, type Schemas } from "../api/client";
import { isPassing, Problem, UnreachableError } from "../api/problem";
import { createStore, type Store } from "../ui/store";

const PART_BYTES = 8 * 2 ** 20;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

export interface Upload {
  name: string;
  size: number;
  offset: number;
  state: "sending" | "interrupted" | "done" | "failed";
  id?: string;
  error?: unknown;
}

/** Files that are being sent; each goes on by itself where it broke off. */
export class Uploads {
  readonly all: Store<readonly Upload[]> = createStore<readonly Upload[]>([]);

  /** The ids of what has arrived whole. */
  get ids(): string[] {
    return this.all.get().flatMap((each) => (each.state === "done" && each.id ? [each.id] : []));
  }

  async send(file: File, project: { project?: string }): Promise<void> {
    const index = this.all.get().length;
    const note = (changes: Partial<Upload>) =>
      this.all.change((all) => all.map((each, at) => (at === index ? { ...each, ...changes } : each)));
    this.all.change((all) => [...all, { name: file.name, size: file.size, offset: 0, state: "sending" }]);
    try {
      const answer = await client.POST("/v1/uploads", {
        params: { query: project },
        body: { name: file.name, size: file.size },
      });
      const { id } = answer.data as Schemas["UploadBody"];
      note({ id });
      await sendParts(file, id, note);
      note({ state: "done" });
    } catch (error) {
      note({ state: "failed", error });
    }
  }
}

async function sendParts(file: File, id: string, note: (changes: Partial<Upload>) => void): Promise<void> {
  let offset = 0;
  let pause = PAUSE_MS;
  while (offset < file.size) {
    try {
      offset = await sendPart(file, id, offset);
      note({ offset, state: "sending" });
      pause = PAUSE_MS;
    } catch (error) {
      if (!isPassing(error)) throw error;
      note({ state: "interrupted" });
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      offset = await arrived(id, offset);
    }
  }
}

async function sendPart(file: File, id: string, offset: number): Promise<number> {
  const headers = {
    "Content-Type": "application/octet-stream",
    "Upload-Offset": String(offset),
    "X-Eopiez-Request": "dashboard",
  };
  const body = file.slice(offset, offset + PART_BYTES);
  const response = await fetch(`${ROOT}/v1/uploads/${id}`, { method: "PATCH", headers, body }).catch((error) => {
    throw new UnreachableError(String(error));
  });
  if (!response.ok) throw await Problem.of(response);
  return ((await response.json()) as Schemas["UploadBody"]).offset;
}

/** How much of a file is there; as before while nobody answers. */
async function arrived(id: string, before: number): Promise<number> {
  try {
    const answer = await client.GET("/v1/uploads/{upload}", { params: { path: { upload: id } } });
    return answer.data?.offset ?? before;
  } catch (error) {
    if (isPassing(error)) return before;
    throw error;
  }
}
