import type { Schemas } from "../../api/client";

export type Disagreement = Schemas["DisagreementBody"];

/** Why two neighbours disagree. */
export type Reason = "themes" | "surroundings" | "direction" | "words";

const SEPARATE = 0.4;
const UNLIKE = 0.6;

/** The reasons that apply, the most telling first. */
export function reasons({ first, second, overlap, consistency, common }: Disagreement): Reason[] {
  const found: Reason[] = [];
  if (first.theme !== second.theme) found.push("themes");
  if (overlap < SEPARATE) found.push("surroundings");
  if (consistency < UNLIKE) found.push("direction");
  if (common.length === 0) found.push("words");
  return found;
}
