import { LANGUAGE } from "../texts";
import { duration } from "./numbers";

/** How times are shown: in a zone, or as how long ago. */
export type Zone = "local" | "utc";

const cache = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let format = cache.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(LANGUAGE, {
      ...options,
      hourCycle: "h23",
      ...(zone === "utc" ? { timeZone: "UTC" } : {}),
    });
    cache.set(key, format);
  }
  return format;
}

/** A moment, as in `29 Nov 2026, 21:04:05 UTC`. */
export function moment(time: string | number | Date, zone: Zone): string {
  return formatOf(zone, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).format(new Date(time));
}

/** A day of a year, as in `29 Nov 2026`. */
export function date(time: string | number | Date, zone: Zone): string {
  return formatOf(zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(time));
}

/** A day, as in `29 Nov`. */
export function day(time: string | number | Date, zone: Zone): string {
  return formatOf(zone, { day: "numeric", month: "short" }).format(new Date(time));
}

/** The time of a day, with its seconds if they matter. */
export function timeOfDay(time: string | number | Date, zone: Zone, hasSeconds: boolean): string {
  return formatOf(zone, { hour: "2-digit", minute: "2-digit", ...(hasSeconds ? { second: "2-digit" } : {}) }).format(
    new Date(time),
  );
}

/** The time of a day with its milliseconds, as logs have it. */
export function clock(time: string | number | Date, zone: Zone): string {
  return formatOf(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }).format(
    new Date(time),
  );
}

/** How long ago, or how soon, as in `3 min ago`. */
export function relative(time: string | number | Date, now: number): string {
  const seconds = (now - new Date(time).getTime()) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  const rough = duration(Math.round(Math.abs(seconds)))
    .split(" ")
    .slice(0, 2)
    .join(" ");
  return seconds > 0 ? `${rough} ago` : `in ${rough}`;
}

/** Seconds between two times; until now while there is no end. */
export function secondsBetween(start: string, end: string | null | undefined, now: number): number {
  return ((end ? new Date(end).getTime() : now) - new Date(start).getTime()) / 1000;
}
