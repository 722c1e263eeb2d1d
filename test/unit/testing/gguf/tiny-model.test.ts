import fc from 'fast-check';
import { expect, test } from 'vitest';
import { brokenModel } from '../../../../src/testing/gguf/broken-model.ts';
import { type TinyModelOptions, tinyModel } from '../../../../src/testing/gguf/tiny-model.ts';
import { type ReadGguf, readGguf } from '../../../support/gguf-reader.ts';

/** What llama.cpp needs of an architecture `llama` with one layer, and its shapes for a vocabulary of V. */
const tensorShapes = (tokens: number): Record<string, readonly number[]> => ({
  'token_embd.weight': [32, tokens],
  'blk.0.attn_norm.weight': [32],
  'blk.0.ffn_norm.weight': [32],
  'blk.0.attn_q.weight': [32, 32],
  'blk.0.attn_k.weight': [32, 32],
  'blk.0.attn_v.weight': [32, 32],
  'blk.0.attn_output.weight': [32, 32],
  'blk.0.ffn_gate.weight': [32, 32],
  'blk.0.ffn_up.weight': [32, 32],
  'blk.0.ffn_down.weight': [32, 32],
  'output_norm.weight': [32],
  'output.weight': [32, tokens],
});

const tokensOf = (model: ReadGguf) => model.metadata.get('tokenizer.ggml.tokens') as readonly string[];

/** Runs the model by its weights: after any token, the most likely one, and how far the second is behind. */
class Reference {
  readonly model: ReadGguf;
  readonly tokens: readonly string[];
  readonly #embedding: readonly number[];
  readonly #output: readonly number[];

  constructor(file: Uint8Array) {
    this.model = readGguf(file);
    this.tokens = tokensOf(this.model);
    this.#embedding = this.#values('token_embd.weight');
    this.#output = this.#values('output.weight');
  }

  next(token: number): { readonly token: number; readonly ahead: number } {
    const state = this.#embedding.slice(token * 32, token * 32 + 32);
    const rms = Math.sqrt(state.reduce((sum, value) => sum + value * value, 0) / 32);
    const logits = this.tokens.map((_, at) =>
      state.reduce((sum, value, index) => sum + (value / rms) * (this.#output[at * 32 + index] ?? 0), 0),
    );
    const [first = 0, second = 0] = [...logits].sort((one, other) => other - one);
    return { token: logits.indexOf(first), ahead: first - second };
  }

  /** What it says after a token, up to the end or `tokensMax`. */
  says(after: number, tokensMax = 1000): { readonly text: string; readonly ended: boolean } {
    const end = this.model.metadata.get('tokenizer.ggml.eos_token_id');
    let text = '';
    let { token } = this.next(after);
    for (let count = 0; count < tokensMax && token !== end; count += 1) {
      text += this.tokens[token];
      ({ token } = this.next(token));
    }
    return { text: text.replaceAll('▁', ' '), ended: token === end };
  }

  #values(name: string): readonly number[] {
    return this.model.tensors.find((tensor) => tensor.name === name)?.values ?? [];
  }
}

const lineFeed = (model: Reference) => model.tokens.indexOf('<0x0A>');

test('a model has the metadata and tensors that llama.cpp asks for', () => {
  const { metadata, tensors } = readGguf(tinyModel({ behaviour: { kind: 'says', text: 'Hello there' } }));
  const tokens = (metadata.get('tokenizer.ggml.tokens') as readonly string[]).length;
  expect(Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]))).toEqual(tensorShapes(tokens));
  expect(Object.fromEntries(metadata)).toMatchObject({
    'general.architecture': 'llama',
    'llama.context_length': 4096,
    'llama.embedding_length': 32,
    'llama.block_count': 1,
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.add_space_prefix': false,
  });
  for (const list of ['scores', 'token_type'])
    expect(metadata.get(`tokenizer.ggml.${list}`)).toHaveLength(tokens);
});

const text = fc
  .oneof(fc.string({ unit: 'grapheme', minLength: 3, maxLength: 120 }), fc.lorem({ mode: 'sentences' }))
  .filter((one) => one.isWellFormed() && !one.includes('▁') && [...one].length >= 3 && !one.startsWith('<'));

test('it says its text exactly, whatever came before, and ends', () => {
  fc.assert(
    fc.property(text, fc.nat(259), (said, after) => {
      const model = new Reference(tinyModel({ behaviour: { kind: 'says', text: said } }));
      expect(model.says(after)).toEqual({ text: said, ended: true });
    }),
    { numRuns: 30 },
  );
});

test('it repeats its text and never ends', () => {
  const model = new Reference(tinyModel({ behaviour: { kind: 'repeats', text: 'la li lu ' } }));
  const { text: said, ended } = model.says(lineFeed(model), 300);
  expect(said).toBe('la li lu '.repeat(100));
  expect(ended).toBe(false);
});

test('a silent one ends after any token', () => {
  const model = new Reference(tinyModel({ behaviour: { kind: 'silent' } }));
  const end = model.tokens.indexOf('<|im_end|>');
  expect(new Set(model.tokens.map((_, token) => model.next(token).token))).toEqual(new Set([end]));
});

test('no temperature below 3 mixes it up: the next token is far ahead of all others', () => {
  const model = new Reference(tinyModel({ behaviour: { kind: 'says', text: 'The quick brown fox jumps.' } }));
  for (const token of model.tokens.keys()) expect(model.next(token).ahead).toBeGreaterThan(80);
});

test('no text of a caller is made of its pieces: a tokenizer that joins two characters finds none', () => {
  const { metadata } = readGguf(tinyModel({ behaviour: { kind: 'says', text: 'banana band, bananas' } }));
  const types = metadata.get('tokenizer.ggml.token_type') as readonly number[];
  const normal = (metadata.get('tokenizer.ggml.tokens') as readonly string[]).filter(
    (_, at) => types[at] === 1,
  );
  expect(normal.filter((token) => [...token].length < 3)).toEqual(['▁']);
});

const options: readonly TinyModelOptions[] = [
  { behaviour: { kind: 'says', text: 'Good morning' }, contextTokens: 512 },
  { behaviour: { kind: 'repeats', text: 'tick tock ' }, fillerTokens: 1000 },
  { behaviour: { kind: 'silent' } },
];

test.each(options)('the same options give the same bytes: $behaviour.kind', (given) => {
  expect(Buffer.compare(tinyModel(given), tinyModel(given))).toBe(0);
});

test('filler makes the vocabulary larger, and nothing else different', () => {
  const behaviour = { kind: 'says', text: 'Hello there' } as const;
  const plain = new Reference(tinyModel({ behaviour }));
  const large = new Reference(tinyModel({ behaviour, fillerTokens: 500 }));
  expect(large.tokens.length - plain.tokens.length).toBe(500);
  expect(new Set(large.tokens).size).toBe(large.tokens.length);
  expect(large.says(large.tokens.length - 1)).toEqual({ text: 'Hello there', ended: true });
});

test.each([
  ['half a character', { behaviour: { kind: 'says', text: 'a\uD83Eb' } }, /lone surrogate/],
  ['what stands for a space', { behaviour: { kind: 'says', text: 'a▁b' } }, /stands for a space/],
  ['nothing, over and over', { behaviour: { kind: 'repeats', text: '' } }, /nothing to repeat/],
] as const)('it cannot say %s', (_, given, error) => {
  expect(() => tinyModel(given)).toThrow(error);
});

test('the truncated model has a whole head, and weights beyond its end', () => {
  const bytes = brokenModel('truncated');
  expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe('GGUF');
  expect(() => readGguf(bytes)).toThrow(RangeError);
});

test('the aborting model is whole, with one token twice', () => {
  const tokens = tokensOf(readGguf(brokenModel('aborting')));
  expect(tokens.length - new Set(tokens).size).toBe(1);
});

test('the web page is one', () => {
  expect(Buffer.from(brokenModel('web-page')).toString()).toMatch(/^<!DOCTYPE html>/);
});
