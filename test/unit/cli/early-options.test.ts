// What of a command line is understood before the real parser is there.
import { expect, test } from 'vitest';
import { earlyOptions } from '../../../src/cli/early-options.ts';

test.each<[line: string, found: ReturnType<typeof earlyOptions>]>([
  ['up', { state: 'whole', options: {} }],
  ['up --json', { state: 'whole', options: { json: true } }],
  ['up -c a.yaml --listen :80', { state: 'whole', options: { config: 'a.yaml', listen: ':80' } }],
  ['up -ca.yaml --listen=:80', { state: 'whole', options: { config: 'a.yaml', listen: ':80' } }],
  ['up --set a=1 --set b=c=d', { state: 'whole', options: { set: ['a=1', 'b=c=d'] } }],
  ['up --listen :80 --listen :81', { state: 'whole', options: { listen: ':81' } }],
  ['up --data x --config b.json', { state: 'whole', options: { data: 'x', config: 'b.json' } }],
  ['up --model m.gguf --openai', { state: 'whole', options: { model: 'm.gguf', openai: true } }],
  ['up --model=m.gguf --no-discover', { state: 'whole', options: { model: 'm.gguf', discover: false } }],
  ['up --listen', { state: 'part', options: {} }],
  ['up --lisen :80', { state: 'part', options: {} }],
  ['up extra --listen :80', { state: 'part', options: { listen: ':80' } }],
  ['up --json=yes', { state: 'part', options: {} }],
  ['up toString', { state: 'part', options: {} }],
  ['up --help', undefined],
  ['up --listen :80 -h', undefined],
  ['talk --text up', undefined],
  ['', undefined],
])('%s', (line, found) => {
  expect(earlyOptions(line.split(' '))).toEqual(found);
});
