import { createStore } from "../ui/store";

/** The colours of the page, as a canvas wants them. */
export interface Theme {
  ground: string;
  raised: string;
  sunken: string;
  line: string;
  lineStrong: string;
  ink: string;
  quiet: string;
  accent: string;
  accentSoft: string;
  good: string;
  goodSoft: string;
  bad: string;
  badSoft: string;
  warn: string;
  warnSoft: string;
  busy: string;
  busySoft: string;
  still: string;
  stillSoft: string;
  font: string;
}

function read(): Theme {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ground: token("ground"),
    raised: token("raised"),
    sunken: token("sunken"),
    line: token("line"),
    lineStrong: token("line-strong"),
    ink: token("ink"),
    quiet: token("quiet"),
    accent: token("accent"),
    accentSoft: token("accent-soft"),
    good: token("good"),
    goodSoft: token("good-soft"),
    bad: token("bad"),
    badSoft: token("bad-soft"),
    warn: token("warn"),
    warnSoft: token("warn-soft"),
    busy: token("busy"),
    busySoft: token("busy-soft"),
    still: token("still"),
    stillSoft: token("still-soft"),
    font: style.fontFamily,
  };
}

/** The colours as they are now: light or dark. */
export const theme = createStore<Theme>(read());

new MutationObserver(() => theme.set(read())).observe(document.documentElement, { attributeFilter: ["data-theme"] });
