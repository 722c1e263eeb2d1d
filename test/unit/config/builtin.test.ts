// What the shipped engines take, and what is told of what they do not.
import { describe, expect, test } from 'vitest';
import { failureOf, loadFrom } from './loading.ts';

const problemOf = async (text: string) =>
  (await failureOf({ 'greenroom.yaml': text })).message.replace(/^greenroom\.yaml:\d+:\d+ /, '');

const voices = "there are: slt, rms, awb, kal16, kal, and OpenAI's names";

describe('an option of a shipped engine', () => {
  test.each([
    [
      '{ builtin: flite, options: { voise: awb } }',
      'options.voise: flite has no such option; its options are: voice; did you mean "voice"?',
    ],
    ['{ builtin: silero, options: { what: 5 } }', 'options.what: silero has no such option; it has none'],
    [
      '{ builtin: flite, options: { voice: kal61 } }',
      `options.voice: flite has no voice "kal61"; ${voices}; did you mean "kal16"?`,
    ],
    ['{ builtin: flite, options: { voice: 5 } }', `options.voice: flite has no voice 5; ${voices}`],
  ])('%s is refused', async (engine, message) => {
    expect(await problemOf(`engines:\n  it: ${engine}\npipelines: {}\n`)).toBe(`engines.it.${message}`);
  });

  test.each(['awb', 'alloy'])('a voice that flite has is taken: %s', async (voice) => {
    const text = `engines: { it: { builtin: flite, options: { voice: ${voice} } } }\npipelines: {}\n`;
    const { config } = await loadFrom({ 'greenroom.yaml': text });
    expect(config.engines['it']).toMatchObject({ options: { voice } });
  });
});

describe('the voice of a pipeline', () => {
  const pipeline = (voice: string, speaker: string) =>
    `engines: { it: ${speaker}, ears: { builtin: silero } }\n` +
    `pipelines: { default: { kind: echo, speak: it, vad: ears, voice: ${voice} } }\n`;

  test('that flite does not have is refused', async () => {
    expect(await problemOf(pipeline('anna', '{ builtin: flite }'))).toBe(
      `pipelines.default.voice: flite has no voice "anna"; ${voices}`,
    );
  });

  test('that flite has is taken, and of any other engine nothing is known', async () => {
    for (const text of [
      pipeline('marin', '{ builtin: flite }'),
      pipeline('anna', '{ run: [x], offers: [speak] }'),
    ]) {
      const { config } = await loadFrom({ 'greenroom.yaml': text });
      expect(config.pipelines['default']?.voice).toMatch(/marin|anna/);
    }
  });
});
