import { expect, test } from 'vitest';
import { configJsonSchema } from '../../../src/config/json-schema.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly anyOf?: readonly Node[];
}

const schema = configJsonSchema() as Node & Readonly<Record<string, unknown>>;

/** Every key that can be written, by its path. */
function keysOf(node: Node, path: string): [string, Node][] {
  const own = Object.entries(node.properties ?? {}).map(([key, inner]): [string, Node] => [
    `${path}${key}`,
    inner,
  ]);
  const named = typeof node.additionalProperties === 'object' ? [node.additionalProperties] : [];
  return [
    ...own,
    ...own.flatMap(([key, inner]) => keysOf(inner, `${key}.`)),
    ...named.flatMap((inner) => keysOf(inner, `${path}NAME.`)),
    ...(node.anyOf ?? []).flatMap((inner) => keysOf(inner, path)),
  ];
}

test('it is a draft 2020-12 schema with a relative id, since it has no address of its own', () => {
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'greenroom.schema.json',
    title: 'greenroom.yaml',
    type: 'object',
    additionalProperties: false,
  });
  expect(() => JSON.stringify(schema)).not.toThrow();
});

test('every key says what it is for', () => {
  const keys = keysOf(schema, '');
  expect(keys.length).toBeGreaterThan(60);
  expect(keys.filter(([, node]) => !node.description).map(([key]) => key)).toEqual([]);
});

test('defaults stand as they are written in the file', () => {
  const defaults = Object.fromEntries(keysOf(schema, '').map(([key, node]) => [key, node.default]));
  expect(defaults).toMatchObject({
    listen: '127.0.0.1:7460',
    'shutdown.total': '3s',
    'sessions.lobby.audio.bytes': '4MiB',
    'engines.NAME.ready.stall': '120s',
    'engines.NAME.stopGrace': '10s',
    'engines.NAME.port': 'auto',
    'log.level': 'info',
  });
});
