import { expect, test } from 'vitest';
import { parseArguments } from '../../../src/llama-server/arguments.ts';

const parsed = (line: string, cores = 8) => parseArguments(line.split(' '), cores);

test('a model and a port are enough; the rest has defaults', () => {
  expect(parsed('--model /models/tiny.Q4.gguf --port 8080')).toEqual({
    model: '/models/tiny.Q4.gguf',
    address: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
    contextTokens: 4096,
    threads: 7,
    gpu: 'auto',
    parallel: 1,
    waiting: 64,
    alias: 'tiny.Q4',
  });
});

test('everything can be said', () => {
  const line =
    '--model=m.gguf --socket /run/m.sock --context 512 --threads 2 --gpu false --parallel 3 --waiting 0 --alias m';
  expect(parsed(line)).toEqual({
    model: 'm.gguf',
    address: { kind: 'socket', path: '/run/m.sock' },
    contextTokens: 512,
    threads: 2,
    gpu: false,
    parallel: 3,
    waiting: 0,
    alias: 'm',
  });
});

test.each([
  ['', 1, 1],
  ['', 2, 1],
  ['', 16, 15],
  [' --threads 4', 16, 4],
  [' --threads 64', 16, 16],
])('threads%s on %i cores are %i: never more than there are cores', (more, cores, threads) => {
  expect(parsed(`--model m --port 1${more}`, cores).threads).toBe(threads);
});

test.each([
  ['--port 80', '--model FILE.gguf is missing'],
  ['--model m', '--port N or --socket PATH is missing'],
  ['--model m --port 80 --socket s', '--socket stands alone'],
  ['--model m --socket s --host h', '--socket stands alone'],
  ['--model m --port 65536', '--port is a whole number from 0 to 65535, not 65536'],
  ['--model m --port 80 --context 0', '--context is a whole number from 1 to'],
  ['--model m --port 80 --context 4k', 'not 4k'],
  ['--model m --port 80 --threads -1', '--threads'],
  ['--model m --port 80 --gpu cuda', '--gpu is auto or false, not cuda'],
  ['--model m --port 80 --colour red', '--colour'],
  ['--model m --port 80 word', 'word'],
])('%s is refused: %s', (line, message) => {
  expect(() => parsed(line)).toThrow(message);
});
