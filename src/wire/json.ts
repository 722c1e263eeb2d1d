// Events that are passed on as they came: looked into as far as has to be, by name.

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object at the end of the path; undefined where something else is on the way. */
export function objectAt(value: unknown, ...path: readonly string[]): JsonObject | undefined {
  let found = value;
  for (const key of path) found = isObject(found) ? found[key] : undefined;
  return isObject(found) ? found : undefined;
}

export function textAt(value: JsonObject | undefined, key: string): string | undefined {
  const found = value?.[key];
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: JsonObject | undefined, key: string): number | undefined {
  const found = value?.[key];
  return typeof found === 'number' ? found : undefined;
}

/** Without these keys; the very same object where it has none of them. */
export function without(value: JsonObject, ...keys: readonly string[]): JsonObject {
  if (!keys.some((key) => Object.hasOwn(value, key))) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
