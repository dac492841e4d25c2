import type { Theme } from "../canvas/theme";
import { compact } from "../formats/numbers";
import { toneOf } from "../ui/status";
import { type Picture, rectOf, strokeOf, write } from "./picture";
import type { Standing } from "./standing";

/** From here on, names can be read. */
const READABLE = 0.42;

/** Draw a step or a closed group: its name, how it stands, and how much of it is done. */
export function card(context: CanvasRenderingContext2D, theme: Theme, picture: Picture, box: number): void {
  const [x, y, width, height] = rectOf(picture.laid, box);
  const node = picture.laid.tree.nodes[box];
  const standing = picture.standings[box];
  if (!node || !standing) return;
  const { tone, sign } = toneOf(standing.status);
  const isGroup = node.step === -1;
  if (isGroup) {
    // A second sheet behind the first: there is more inside.
    context.fillStyle = theme.line;
    context.fillRect(x + 5, y + 5, width, height);
  }
  context.fillStyle = theme.raised;
  context.fillRect(x, y, width, height);
  context.fillStyle = theme[tone];
  context.fillRect(x, y, 5, height);
  const part = standing.all > 0 ? Math.min(1, standing.done / standing.all) : 0;
  context.fillStyle = theme[`${tone}Soft`];
  context.fillRect(x + 5, y + height - 5, width - 5, 5);
  context.fillStyle = theme[tone];
  context.fillRect(x + 5, y + height - 5, (width - 5) * part, 5);
  const outline = strokeOf(theme, picture, box);
  context.strokeStyle = outline ?? theme.line;
  context.lineWidth = outline ? 2.5 : 1;
  context.strokeRect(x, y, width, height);
  if (picture.camera.scale < READABLE) return;
  write(
    context,
    `${sign} ${isGroup ? "▸ " : ""}${node.label}`,
    x + 12,
    y + 15,
    width - 20,
    `600 12px ${theme.font}`,
    theme.ink,
  );
  write(
    context,
    detailOf(standing, isGroup, node.steps),
    x + 12,
    y + 31,
    width - 20,
    `11px ${theme.font}`,
    theme.quiet,
  );
}

/** How far a step is; of a group, how many of its steps stand how. */
function detailOf(standing: Standing, isGroup: boolean, steps: number): string {
  const tasks = `${compact(standing.done)} / ${compact(standing.all)}${standing.running ? `  ▶ ${compact(standing.running)}` : ""}`;
  if (!isGroup) return tasks;
  const counts = ["failed", "running", "waiting", "succeeded"]
    .filter((status) => standing.counts[status])
    .map((status) => `${toneOf(status).sign} ${compact(standing.counts[status] as number)}`);
  return `${compact(steps)}: ${counts.join("  ")}`;
}
