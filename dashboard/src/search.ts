/** What an address says behind its `?`: texts, or several of them. */
export type RawSearch = Record<string, unknown>;

/** Addresses have plain values, as in `?status=failed&status=running`. */
export function parseSearch(address: string): Record<string, string | string[]> {
  const found: Record<string, string | string[]> = {};
  for (const [key, value] of new URLSearchParams(address)) {
    const earlier = found[key];
    found[key] = earlier === undefined ? value : [earlier, value].flat();
  }
  return found;
}

/** The address of a search; what is undefined, empty or false is left out. */
export function stringifySearch(search: RawSearch): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    for (const each of [value].flat()) {
      if (each !== undefined && each !== null && each !== "" && each !== false) parameters.append(key, String(each));
    }
  }
  const address = parameters.toString();
  return address ? `?${address}` : "";
}

/** A text of an address. */
export function text(value: unknown): string | undefined {
  const first = [value].flat()[0];
  return first === undefined || first === "" ? undefined : String(first);
}

/** The texts of an address, of those that are allowed if any are named. */
export function texts<T extends string>(value: unknown, allowed?: readonly T[]): T[] | undefined {
  const all = [value]
    .flat()
    .filter((each) => each !== undefined && each !== "")
    .map(String) as T[];
  const known = allowed ? all.filter((each) => allowed.includes(each)) : all;
  return known.length === 0 ? undefined : known;
}

/** One of the texts that are allowed. */
export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return texts(value, allowed)?.[0];
}

/** A whole number of an address. */
export function integer(value: unknown): number | undefined {
  const number = Number(text(value));
  return text(value) !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

/** The whole numbers of an address. */
export function integers(value: unknown): number[] | undefined {
  const all = texts(value)?.map(Number).filter(Number.isSafeInteger);
  return all?.length ? all : undefined;
}

/** Whether an address says yes. */
export function flag(value: unknown): true | undefined {
  return ["true", "1"].includes(text(value) ?? "") ? true : undefined;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** An object without what is undefined, as exact optional properties want it. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Defined<T>;
}
