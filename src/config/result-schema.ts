// A JSON schema as it is written, made into a check of values. What zod would let pass in silence is spelled out for it, or
// refused: a schema that looks strict and checks nothing is found out by nobody.
import * as z from 'zod';

type Schema = Readonly<Record<string, unknown>>;

/** What is wrong with a value, a line each; none where it fits. */
export type SchemaCheck = (value: unknown) => readonly string[];

/** @throws Error what of it cannot be checked */
export function schemaCheck(schema: Schema): SchemaCheck {
  const expected = fromJsonSchema(schema);
  return (value) => {
    const { success, error } = expected.safeParse(value);
    if (success) return [];
    return error.issues.map(({ path, message }) =>
      path.length > 0 ? `${path.join('.')}: ${message}` : message,
    );
  };
}

function fromJsonSchema(schema: Schema): z.ZodType {
  try {
    const made = z.fromJSONSchema(spelledOut(schema) as z.core.JSONSchema.JSONSchema);
    // One that refers to itself alone is found out by its first value.
    made.safeParse(null);
    return made;
  } catch (error) {
    if (error instanceof RangeError) throw new Error('it refers to itself without end', { cause: error });
    throw error;
  }
}

/** Keywords that are of one type alone. */
const keywordsOf = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'propertyNames',
    'minProperties',
  ],
  array: ['items', 'prefixItems', 'contains', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['pattern', 'minLength', 'maxLength', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
} as const;

/** They say nothing of the value. */
const remarks = [
  '$ref',
  '$defs',
  '$comment',
  '$id',
  '$schema',
  'title',
  'description',
  'default',
  'examples',
];
const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const maps = ['properties', 'patternProperties', '$defs'];
const single = ['items', 'additionalProperties', 'contains', 'propertyNames', 'not'];

function spelledOut(schema: Schema): Schema {
  refuseIgnored(schema);
  const inner = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (lists.includes(key) && Array.isArray(value)) return [key, value.map(each)];
    if (maps.includes(key) && isSchema(value))
      return [key, Object.fromEntries(Object.entries(value).map(([name, one]) => [name, each(one)]))];
    return [key, single.includes(key) ? each(value) : value];
  });
  return { ...typeOf(schema), ...Object.fromEntries(inner), ...requiredOf(schema, inner) };
}

const each = (value: unknown): unknown => (isSchema(value) ? spelledOut(value) : value);

/** `{ properties: ... }` means an object to whoever writes it. */
function typeOf(schema: Schema): Schema {
  if (['type', '$ref', 'enum', 'const'].some((key) => key in schema)) return {};
  const types = Object.entries(keywordsOf).filter(([, keywords]) => keywords.some((key) => key in schema));
  const [first, second] = types;
  if (second)
    throw new Error(
      `it has keywords of several types and no \`type\`: ${types.map(([type]) => type).join(', ')}`,
    );
  return first ? { type: first[0] } : {};
}

/** What is required and nowhere described may be anything, but has to be there. */
function requiredOf({ required }: Schema, inner: readonly (readonly [string, unknown])[]): Schema {
  if (!Array.isArray(required)) return {};
  const described = inner.find(([key]) => key === 'properties')?.[1] ?? {};
  const anything = Object.fromEntries(required.map((name) => [String(name), {}]));
  return { properties: { ...anything, ...(described as Schema) } };
}

function refuseIgnored(schema: Schema): void {
  const beside = Object.keys(schema).filter((key) => !remarks.includes(key));
  if ('$ref' in schema && beside.length > 0)
    throw new Error(`\`${beside[0]}\` beside \`$ref\` is not checked here: put both into \`allOf\``);
  if (typeof schema['const'] === 'object' && schema['const'] !== null)
    throw new Error('a `const` that is an object or a list is not checked here: describe its properties');
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
