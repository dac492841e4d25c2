import type { components } from "./schema";

type ProblemBody = components["schemas"]["ProblemBody"];

/** What the gateway answers instead of what was asked for (RFC 9457); its texts say what was wrong and what to do. */
export class Problem extends Error {
  readonly type: string;
  readonly status: number;
  readonly hint: string;
  readonly requestId: string;
  readonly faults: readonly { place: string; message: string }[];

  constructor(body: Partial<ProblemBody> & { status: number }) {
    super(body.detail ?? body.title ?? `status ${body.status}`);
    this.name = "Problem";
    this.type = body.type?.split(":").at(-1) ?? "";
    this.status = body.status;
    this.hint = body.hint ?? "";
    this.requestId = body.request_id ?? "";
    this.faults = body.faults ?? [];
  }

  /** Whether it may pass by itself. */
  get isPassing(): boolean {
    return [429, 502, 503, 504].includes(this.status);
  }

  static async of(response: Response): Promise<Problem> {
    const text = await response.text();
    const requestId = response.headers.get("X-Request-Id") ?? "";
    try {
      return new Problem({ request_id: requestId, ...JSON.parse(text), status: response.status });
    } catch {
      return new Problem({ detail: text.slice(0, 200), request_id: requestId, status: response.status });
    }
  }
}

/** No answer came: the gateway is away, or the network. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Whether sending the same again soon may help. */
export function isPassing(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof Problem && error.isPassing);
}
