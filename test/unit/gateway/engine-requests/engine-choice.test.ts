import { describe, expect, test } from 'vitest';
import { type ChoiceOptions, chooseEngine } from '../../../../src/gateway/engine-requests/engine-choice.ts';

const engines = [
  { name: 'voice', modelName: undefined, offers: ['speak'] },
  { name: 'llm', modelName: 'Qwen/Qwen3-4B', offers: ['chat', 'embed'] },
  { name: 'other', modelName: undefined, offers: ['chat'] },
  { name: 'plain', modelName: undefined, offers: [] },
  { name: 'loading', modelName: undefined, offers: undefined },
] as const;
const options: ChoiceOptions = {
  engines,
  aliases: [{ glob: 'gpt-*', pipeline: 'other' }],
  unknownModel: 'refuse',
};
const choose = (
  model: string | undefined,
  more: Partial<ChoiceOptions> & { capability?: string; engine?: string } = {},
) => {
  const { capability = 'chat', engine, ...changes } = more;
  return chooseEngine({ capability, engine, model }, { ...options, ...changes });
};

describe('the engine of a request', () => {
  test.each([
    ['its name', 'llm', { name: 'llm', model: 'Qwen/Qwen3-4B' }],
    ['its name, without another of its model', 'other', { name: 'other', model: undefined }],
    ['its name and a model of its own', 'other/mistral/7b', { name: 'other', model: 'mistral/7b' }],
    ['its name and nothing', 'llm/', { name: 'llm', model: 'Qwen/Qwen3-4B' }],
    ['its own name of its model', 'Qwen/Qwen3-4B', { name: 'llm', model: undefined }],
    ['an alias', 'gpt-4o', { name: 'other', model: undefined }],
    ['nothing: the first that offers it', undefined, { name: 'llm', model: 'Qwen/Qwen3-4B' }],
    ['an engine of which only loading will tell', 'loading', { name: 'loading', model: undefined }],
  ])('is known by %s', (_, model, expected) => {
    expect(choose(model)).toEqual(expected);
  });

  test('is the one of the header, whatever the model', () => {
    expect(choose('gpt-4o', { engine: 'llm' })).toEqual({ name: 'llm', model: 'Qwen/Qwen3-4B' });
    expect(choose('llm/tiny', { engine: 'llm' })).toEqual({ name: 'llm', model: 'tiny' });
    expect(() => choose('llm', { engine: 'nobody' })).toThrow('no engine is called "nobody"');
  });

  test('that nobody knows is refused with the list, or is the first that offers it', () => {
    expect(() => choose('nobody')).toThrow('no engine is called "nobody"; chat is offered by llm, other');
    expect(choose('nobody', { unknownModel: 'default' })).toEqual({ name: 'llm', model: 'Qwen/Qwen3-4B' });
    try {
      choose('nobody');
    } catch (error) {
      expect(error).toMatchObject({
        code: 'model_not_found',
        details: { model: 'nobody', engines: ['llm', 'other'] },
      });
    }
  });

  test('that does not offer it is refused with those that do', () => {
    expect(() => choose('voice')).toThrow('engine voice offers speak, not chat; engines that do: llm, other');
    expect(() => choose('plain')).toThrow(
      'engine plain declares no `offers`, not chat; engines that do: llm, other',
    );
  });

  test('may be one that only loading will tell of, when nobody else does it', () => {
    expect(choose(undefined, { capability: 'transcribe' })).toEqual({ name: 'loading', model: undefined });
    expect(() => choose(undefined, { capability: 'chat', engines: [engines[0]] })).toThrow(
      'no engine offers chat',
    );
    expect(() => choose('x', { capability: 'chat', engines: [engines[0]], unknownModel: 'default' })).toThrow(
      'no engine is called "x"',
    );
  });
});

describe('a pipeline that is named', () => {
  const pipelines = [
    { name: 'tutor', kind: 'cascade', engines: { chat: 'other', speak: 'voice' } },
    { name: 'interview', kind: 'bridge', engines: {} },
    { name: 'gpt-echo', kind: 'echo', engines: { speak: 'voice' } },
  ] as const;

  test('is answered by its engine for that', () => {
    expect(choose('tutor', { pipelines })).toEqual({ name: 'other', model: undefined });
    expect(choose('tutor', { pipelines, capability: 'speak' })).toEqual({ name: 'voice', model: undefined });
    const aliases = [{ glob: 'teacher*', pipeline: 'tutor' }];
    expect(choose('teacher-1', { pipelines, aliases })).toEqual({ name: 'other', model: undefined });
  });

  test.each(['interview', 'gpt-echo'])('says where it is to be called, where it has none: %s', (model) => {
    const aliases: ChoiceOptions['aliases'] = [];
    expect(() => choose(model, { pipelines, aliases })).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining(`call it at /v1/realtime?model=${model}`),
      }),
    );
  });
});
