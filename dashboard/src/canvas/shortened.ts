const shortOnes = new Map<string, string>();
const MOST_KEPT = 20_000;

/** A text with its middle left out where there is no room: names often differ at their ends. */
export function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  const key = `${context.font} ${room} ${text}`;
  const known = shortOnes.get(key);
  if (known !== undefined) return known;
  if (shortOnes.size > MOST_KEPT) shortOnes.clear();
  let short = text.slice(0, 200);
  for (let keep = Math.min(100, short.length); context.measureText(short).width > room && keep > 4; keep -= 2)
    short = `${text.slice(0, Math.ceil(keep * 0.6))}…${text.slice(-Math.floor(keep * 0.4))}`;
  shortOnes.set(key, short);
  return short;
}
