// JSON Schemas as tables for people: a line for each field, nested ones by their path. Pure.

export interface SchemaNode {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly prefixItems?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Empty where there are no fields. */
export function schemaTable(node: SchemaNode): string {
  const rows = fields(node, '');
  if (rows.length === 0) return '';
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const lines = rows.map(({ path, type, what }) => `| \`${path}\` | ${cell(type)} | ${cell(what)} |`);
  return ['| field | type | |', '| --- | --- | --- |', ...lines].join('\n');
}

interface Row {
  readonly path: string;
  readonly type: string;
  readonly what: string;
}

function fields(node: SchemaNode, path: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    const optional = node.required?.includes(name) ? '' : ', optional';
    const own = { path: path + name, type: typeText(field) + optional, what: field.description ?? '' };
    return [own, ...inner(field, path + name)];
  });
}

/** What is in a field: objects, those of a list, each of a choice. */
function inner(field: SchemaNode, path: string): Row[] {
  const choices = (field.anyOf ?? field.oneOf ?? []).flatMap(flat);
  const objects = choices.filter(({ properties }) => properties);
  const lists = choices.filter(({ items }) => items);
  if (objects.length === 0 && lists.length > 0) return lists.flatMap((choice) => inner(choice, path));
  if (objects.length > 1) return objects.flatMap((choice) => fields(choice, `${path}(${nameOf(choice)}).`));
  if (objects[0]) return fields(objects[0], `${path}.`);
  if (field.items) return inner(field.items, `${path}[]`);
  return fields(field, `${path}.`);
}

const flat = (node: SchemaNode): readonly SchemaNode[] => (node.anyOf ?? node.oneOf)?.flatMap(flat) ?? [node];

/** By what tells it from the others: `message, user`. */
function nameOf({ properties = {} }: SchemaNode): string {
  return ['type', 'role'].flatMap((key) => properties[key]?.const ?? []).join(', ') || 'object';
}

export function typeText(node: SchemaNode): string {
  if (node.$ref !== undefined) {
    const name = node.$ref.split('/').at(-1) ?? '';
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.enum) return node.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  const choices = node.anyOf ?? node.oneOf;
  if (choices) return [...new Set(choices.map(typeText))].join(' or ');
  if (node.items) return `list of ${typeText(node.items)}`;
  if (node.prefixItems)
    return `list of ${node.prefixItems.length}: ${node.prefixItems.map(typeText).join('; ')}`;
  if (typeof node.additionalProperties === 'object' && Object.keys(node.additionalProperties).length > 0)
    return `object of ${typeText(node.additionalProperties)}`;
  if (node.type === undefined) return 'anything';
  return [node.type].flat().join(' or ') + range(node);
}

function range({ type, minimum, maximum }: SchemaNode): string {
  const bounds = [minimum, maximum].map((bound) =>
    bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? undefined : bound,
  );
  if (!['integer', 'number'].includes(String(type)) || bounds.every((bound) => bound === undefined))
    return '';
  const [from, to] = bounds;
  if (to === undefined) return `, from ${from}`;
  return from === undefined ? `, to ${to}` : `, ${from} to ${to}`;
}
