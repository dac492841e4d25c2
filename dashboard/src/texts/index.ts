import { en } from "./en";

/** Every sentence of the dashboard. Another language is another file of this shape. */
export type Texts = typeof en;

/** The language of the texts, by which numbers and times are written too. */
export const LANGUAGE = "en-GB";

export const texts: Texts = en;
