// Long events are read beside everybody else's: in many turns of the loop, and the tape has the same sound.
import { expect, test } from 'vitest';
import { Scope } from '../../../src/lifecycle/scope.ts';
import { type LongAudio, readEvent } from '../../../src/sessions/long-events.ts';
import { PacedWork } from '../../../src/sessions/paced-work.ts';
import type { Tape } from '../../../src/sessions/tape.ts';
import { checkedAudio } from '../../../src/sessions/wire-audio.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { ParsedClientEvent } from '../../../src/wire/client-events.ts';
import { LongText } from '../../../src/wire/long-text.ts';

const sound = Buffer.alloc(15 * 1024 * 1024, 'greenroom');
const audio = sound.toString('base64');
const coding = { law: 'linear', rateHz: 24_000 } as const;

class TurnsCounted extends VirtualClock {
  turns = 0;

  override soon(callback: () => void) {
    this.turns += 1;
    return super.soon(callback);
  }
}

async function read(text: string) {
  const clock = new TurnsCounted();
  await using scope = new Scope('session', { clock });
  const work = new PacedWork({ scope, onIdle: () => undefined });
  const taped: string[] = [];
  const tape = { heard: (heard: unknown) => taped.push(`${heard}`) } as unknown as Tape;
  const taken: { parsed: ParsedClientEvent; long: LongAudio }[] = [];
  readEvent(new LongText([Buffer.from(text)]), {
    ...{ work, tape, place: () => undefined },
    take: (parsed, long) => taken.push({ parsed, long }),
  });
  while (work.busy) await clock.advance(0);
  return { turns: clock.turns, taped, taken };
}

const decoded = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces]);

test('an append of 15 MiB takes many turns, and is whole', async () => {
  const { turns, taken, taped } = await read(`{"type":"input_audio_buffer.append","audio":"${audio}"}`);
  expect(turns).toBeGreaterThan(20);
  const [{ parsed, long } = {}] = taken;
  if (parsed?.state !== 'event' || parsed.event.type !== 'input_audio_buffer.append') throw new Error('none');
  const checked = checkedAudio(long?.(parsed.event.audio) ?? '', coding);
  expect(checked.state === 'pieces' && decoded(checked.pieces).equals(sound)).toBe(true);
  const parts = taped.map((text) => Buffer.from((JSON.parse(text) as { audio: string }).audio, 'base64'));
  expect(Buffer.concat(parts).equals(sound)).toBe(true);
});

test('what is no base64, and what is over the limit, is refused as a whole, and not on the tape', async () => {
  const bad = `${audio.slice(0, -8)}=AAAAAAA`;
  const { taken, taped } = await read(`{"type":"input_audio_buffer.append","audio":"${bad}"}`);
  const [{ parsed, long } = {}] = taken;
  if (parsed?.state !== 'event' || parsed.event.type !== 'input_audio_buffer.append') throw new Error('none');
  expect(checkedAudio(long?.(parsed.event.audio) ?? '', coding)).toMatchObject({
    why: 'the audio is not base64',
  });
  expect(taped).toEqual([]);
  const over = await read(`{"type":"input_audio_buffer.append","audio":"${audio}AAAAAAAA"}`);
  const [{ parsed: event, long: longer } = {}] = over.taken;
  if (event?.state !== 'event' || event.event.type !== 'input_audio_buffer.append') throw new Error('none');
  expect(checkedAudio(longer?.(event.event.audio) ?? '', coding)).toMatchObject({
    why: 'the audio is over 15728640 bytes',
  });
});

test('what is long and no audio is refused', async () => {
  const { taken } = await read(
    `{"type":"session.update","session":{"instructions":"${'one, two '.repeat(200_000)}"}}`,
  );
  expect(taken).toMatchObject([{ parsed: { state: 'refused', error: { code: 'event_too_large' } } }]);
});
