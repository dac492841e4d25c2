import { LANGUAGE } from "../texts";

const plain = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 2 });
const small = new Intl.NumberFormat(LANGUAGE, { maximumSignificantDigits: 2 });
const short = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 1 });
const LEAST = 0.001;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A number for people, as in `12,345.68`, `0.0042` and `< 0.001`. */
export function number(value: number): string {
  if (value > 0 && value < LEAST) return `< ${LEAST}`;
  return value !== 0 && Math.abs(value) < 0.1 ? small.format(value) : plain.format(value);
}

/** A number where room is scarce, as in `12.3K`. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? plain.format(value) : short.format(value);
}

/** A share of 1, as in `12.5%`. */
export function share(value: number): string {
  return percent.format(value);
}

/** Bytes with a binary unit, as in `1.5 MiB`. */
export function bytes(value: number): string {
  if (value < 1024) return `${plain.format(value)} B`;
  const power = Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1);
  const scaled = value / 1024 ** power;
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${UNITS[power]}`;
}

/** A value of a metric with its unit. */
export function measured(value: number, unit: string): string {
  if (unit === "bytes") return bytes(value);
  if (unit === "seconds") return duration(value);
  if (unit === "ratio") return share(value);
  return compact(value);
}

/** A duration in seconds for people, as in `350 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 0) return `-${duration(-seconds)}`;
  if (seconds < 0.0005) return "0 s";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds < 10 ? Number(seconds.toFixed(1)) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(whole, 60, "min", 1, "s");
  if (whole < 86_400) return pair(whole, 3600, "h", 60, "min");
  return pair(whole, 86_400, "d", 3600, "h");
}

function pair(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % large) / small);
  return rest === 0
    ? `${Math.floor(seconds / large)} ${largeUnit}`
    : `${Math.floor(seconds / large)} ${largeUnit} ${rest} ${smallUnit}`;
}
