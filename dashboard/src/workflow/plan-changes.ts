type Values = Record<string, unknown>;

/** What a step has in two plans under one key, as in `policy.retry.maximum_attempts`; undefined where it has nothing. */
export interface FieldChange {
  field: string;
  one: unknown;
  other: unknown;
}

export interface StepChange {
  step: string;
  kind: "added" | "removed" | "changed";
  fields: readonly FieldChange[];
}

const isValues = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function fieldsOf(value: unknown, path = ""): [string, unknown][] {
  if (!isValues(value) || (path !== "" && Object.keys(value).length === 0)) return [[path, value]];
  return Object.entries(value).flatMap(([key, each]) => fieldsOf(each, path ? `${path}.${key}` : key));
}

function stepsOf(plan: unknown): Map<string, Values> {
  const steps = isValues(plan) && Array.isArray(plan.steps) ? plan.steps.filter(isValues) : [];
  return new Map(steps.map((step) => [String(step.name), step]));
}

function fieldChanges(one: Values, other: Values): FieldChange[] {
  const [before, after] = [new Map(fieldsOf(one)), new Map(fieldsOf(other))];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((field) => ({ field, one: before.get(field), other: after.get(field) }))
    .filter((each) => JSON.stringify(each.one) !== JSON.stringify(each.other));
}

/** The steps in which two plans differ, in the order of the plans: what is new, what is gone, what has changed in what. */
export function stepChanges(one: unknown, other: unknown): StepChange[] {
  const [before, after] = [stepsOf(one), stepsOf(other)];
  const changes: StepChange[] = [];
  for (const step of new Set([...before.keys(), ...after.keys()])) {
    const [here, there] = [before.get(step), after.get(step)];
    if (there === undefined) changes.push({ step, kind: "removed", fields: [] });
    else if (here === undefined) changes.push({ step, kind: "added", fields: [] });
    else {
      const fields = fieldChanges(here, there);
      if (fields.length > 0) changes.push({ step, kind: "changed", fields });
    }
  }
  return changes;
}
