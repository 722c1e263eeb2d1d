// Pipelines of kind cascade: what they are made of, and what is told where that cannot be.
import { describe, expect, test } from 'vitest';
import { failureOf, loadFrom } from './loading.ts';

const ears = 'ears: { url: "http://127.0.0.1:9", offers: [transcribe] }';
const llm = 'llm: { url: "http://127.0.0.1:8", offers: [chat] }';
const voice = 'voice: { builtin: flite }';
const activity = 'activity: { builtin: silero }';
const file = (pipeline: string, ...engines: string[]) => ({
  'greenroom.yaml': `engines: { ${engines.join(', ')} }\npipelines:\n  p: ${pipeline}\n`,
});

async function pipelineOf(pipeline: string, ...engines: string[]) {
  const { config } = await loadFrom(file(pipeline, ...engines));
  return config.pipelines['p'];
}

describe('a cascade', () => {
  test('has its ears, its mind and its voice, and the silero that there is', async () => {
    const written =
      '{ kind: cascade, hear: ears, think: llm, speak: voice, language: en, instructions: Be brief. }';
    expect(await pipelineOf(written, ears, llm, voice, activity)).toEqual({
      ...{
        name: 'p',
        kind: 'cascade',
        ears: { hear: 'ears', vad: 'activity' },
        think: 'llm',
        speak: 'voice',
      },
      ...{ needs: ['ears', 'llm', 'voice', 'activity'], language: 'en', instructions: 'Be brief.' },
      ...{ voice: undefined, voices: undefined, filler: undefined, tasks: [] },
    });
  });

  test('may say something while it thinks: a text or some, after a while', async () => {
    const filler = async (written: string) =>
      pipelineOf(`{ kind: cascade, think: llm, filler: ${written} }`, llm);
    expect(await filler('{}')).toMatchObject({
      filler: { afterMs: 2000, texts: ['One moment, please.', 'Let me think.'] },
    });
    expect(await filler('{ after: 500ms, text: Hm. }')).toMatchObject({
      filler: { afterMs: 500, texts: ['Hm.'] },
    });
    expect(await filler('{ text: [Hm., Well.] }')).toMatchObject({ filler: { texts: ['Hm.', 'Well.'] } });
  });

  test('says which voices a session may choose', async () => {
    expect(await pipelineOf('{ kind: cascade, think: llm, voices: [a, b] }', llm)).toMatchObject({
      voices: ['a', 'b'],
    });
  });

  test('is text alone on a side that has no engine, and needs no more than it uses', async () => {
    expect(await pipelineOf('{ kind: cascade, think: llm }', llm, voice, activity)).toMatchObject({
      ...{ ears: undefined, speak: undefined, needs: ['llm'] },
    });
  });
});

describe('a wrong cascade is told', () => {
  test.each([
    ['{ kind: cascade }', '3:3 pipelines.p.think: is missing; expected the name of an engine'],
    [
      '{ kind: cascade, think: voice }',
      '3:30 pipelines.p.think: the engine "voice" offers speak, but `chat` is needed',
    ],
    [
      '{ kind: cascade, think: llm, hear: llm }',
      '3:41 pipelines.p.hear: the engine "llm" offers chat, but `transcribe` is needed',
    ],
    [
      '{ kind: cascade, think: llm, speak: ears }',
      '3:42 pipelines.p.speak: the engine "ears" offers transcribe, but `speak` is needed',
    ],
    [
      '{ kind: cascade, think: llm, hear: eers }',
      '3:41 pipelines.p.hear: no engine is named "eers"; there are: ears, llm, voice, activity; did you mean "ears"?',
    ],
    [
      '{ kind: cascade, think: llm, hear: ears, vad: voice }',
      '3:52 pipelines.p.vad: the engine "voice" offers speak, but `vad` is needed',
    ],
    [
      '{ kind: cascade, think: llm, vad: activity }',
      '3:40 pipelines.p.vad: `vad` is for `hear`, which is missing',
    ],
    [
      '{ kind: cascade, think: llm, language: English }',
      '3:45 pipelines.p.language: expected a language of two or three small letters (ISO 639), such as en',
    ],
    [
      '{ kind: cascade, think: llm, speek: voice }',
      '3:35 pipelines.p.speek: unknown key; did you mean "speak"?',
    ],
    [
      '{ kind: cascade, think: llm, filler: { text: [] } }',
      '3:51 pipelines.p.filler.text: expected at least 1, got a list',
    ],
    [
      '{ kind: echo, speak: voice, vad: activity, think: llm }',
      '3:49 pipelines.p.think: `think` is of `kind: cascade`',
    ],
    [
      '{ kind: cascade, think: llm, speak: voice, voice: nobody }',
      '3:56 pipelines.p.voice: flite has no voice "nobody"; there are: slt, rms, awb, kal16, kal, and OpenAI\'s names',
    ],
    [
      '{ kind: cascade, think: llm, speak: voice, voices: [slt, bogus] }',
      '3:63 pipelines.p.voices.1: flite has no voice "bogus"; there are: slt, rms, awb, kal16, kal, and OpenAI\'s names',
    ],
  ])('%s', async (pipeline, line) => {
    const { message } = await failureOf(file(pipeline, ears, llm, voice, activity));
    expect(message).toBe(`greenroom.yaml:${line}`);
  });

  test('that hears, and nobody tells it when somebody speaks', async () => {
    const { message } = await failureOf(file('{ kind: cascade, hear: ears, think: llm }', ears, llm));
    expect(message).toBe(
      'greenroom.yaml:3:3 pipelines.p.vad: is missing: `hear` needs to know when somebody speaks; name an engine that offers `vad`, such as { builtin: silero }',
    );
  });
});

describe('tasks', () => {
  const engines = [ears, llm, voice, activity];
  const tasks = (written: string, kind = 'cascade, think: llm, speak: voice') =>
    `{ kind: ${kind}, tasks: { assessment: ${written} } }`;

  test('are what they say, and the rest is filled in; their engine is nothing that callers wait for', async () => {
    const other = 'judge: { url: "http://127.0.0.1:7", offers: [chat], start: lazy }';
    const written = '{ think: judge, instructions: "Assess.", tool: assess_now, schema: { type: object } }';
    const config = await pipelineOf(tasks(written), ...engines, other);
    expect(config).toMatchObject({ needs: ['llm', 'voice'] });
    expect(config?.kind === 'cascade' && config.tasks).toEqual([
      {
        ...{ name: 'assessment', think: 'judge', instructions: 'Assess.', on: undefined, limitMs: 120_000 },
        schema: { type: 'object' },
        tool: { name: 'assess_now', description: 'Starts assessment in the background.' },
        speak: { voice: undefined, instructions: undefined },
      },
    ]);
  });

  test('have their schema in a file, and are silent when they begin at the end', async () => {
    const written = '{ think: llm, instructions: "Assess.", on: end, schema: form.json, limit: 5m }';
    const { config } = await loadFrom({
      ...file(tasks(written), ...engines),
      'form.json': '{"type":"string"}',
    });
    const pipeline = config.pipelines['p'];
    expect(pipeline?.kind === 'cascade' && pipeline.tasks).toMatchObject([
      { on: 'end', schema: { type: 'string' }, speak: undefined, tool: undefined, limitMs: 300_000 },
    ]);
  });

  const at = 'pipelines.p.tasks.assessment';
  test.each([
    ['{ instructions: x }', `${at}.think: is missing; expected the name of an engine`],
    [
      '{ think: ears, instructions: x }',
      `${at}.think: the engine "ears" offers transcribe, but \`chat\` is needed`,
    ],
    ['{ think: mind, instructions: x }', `${at}.think: no engine is named "mind"`],
    [
      '{ think: llm, instructions: x, tool: "assess me" }',
      `${at}.tool: a function is named with 1 to 64 letters`,
    ],
    ['{ think: llm, instructions: x, schema: [] }', `${at}.schema: expected a JSON schema, or the path of`],
    ['{ think: llm, instructions: x, schema: none.json }', `${at}.schema: expected a JSON schema: ENOENT`],
    ['{ think: llm, instructions: x, schema: { type: objekt } }', `${at}.schema: expected a JSON schema: `],
    [
      '{ think: llm, instructions: x, speak: aloud }',
      `${at}.speak: expected false, or { voice, instructions }`,
    ],
    [
      '{ think: llm, instructions: x, speak: { voice: nobody } }',
      `${at}.speak.voice: flite has no voice "nobody"`,
    ],
    ['{ think: llm, instructions: x, on: start }', `${at}.on: expected "end", got "start"`],
    [
      '{ think: llm, instructions: x, tool: f }, other: { think: llm, instructions: x, tool: f }',
      'pipelines.p.tasks.other.tool: the function f triggers assessment already',
    ],
  ])('that cannot be: %s', async (written, line) => {
    const { message } = await failureOf(file(tasks(written), ...engines));
    expect(message).toContain(line);
  });

  test('are of a cascade, and not of a group with what the session holds', async () => {
    const echo = tasks('{ think: llm, instructions: x }', 'echo, speak: voice, vad: activity');
    expect((await failureOf(file(echo, ...engines))).message).toContain('`tasks` is of `kind: cascade`');
    const grouped = ['a', 'b'].map((name) => `${name}: { run: [${name}], offers: [chat], group: gpu }`);
    const both = tasks('{ think: b, instructions: x }', 'cascade, think: a');
    expect((await failureOf(file(both, ...grouped))).message).toContain(
      `${at}.think: "b" and "a" are of one group`,
    );
  });
});
