// What a caller sends, as events. A long text is read in slices, with a turn of the loop for everybody else in between; its
// caller is not listened to meanwhile. Then it is an event like others, but for its base64, which stands beside it.
import type { StreamPlace } from '../audio/webm/demuxer.ts';
import type { Base64Text } from '../wire/base64-text.ts';
import { type ParsedClientEvent, parseClientEvent, parseLongEvent, tooLarge } from '../wire/client-events.ts';
import { abridged, type LongEvent, readLong } from '../wire/long-event.ts';
import type { LongText } from '../wire/long-text.ts';
import type { PacedWork } from './paced-work.ts';
import type { Tape } from './tape.ts';

/** What stands for a text that may be the mark of a long one. */
export type LongAudio = (audio: string) => string | Base64Text;

export interface CallerEvents {
  readonly work: PacedWork;
  readonly tape: Tape | undefined;
  /** Where the caller's stream of WebM is, before this event. */
  readonly place: () => StreamPlace | undefined;
  readonly take: (parsed: ParsedClientEvent, long: LongAudio) => void;
}

/** Work of looking at bytes, in samples: about 1 MiB a turn of the loop. */
const samplesAByte = 1 / 96;

export function readEvent(text: string | LongText, { work, tape, place, take }: CallerEvents): void {
  if (typeof text !== 'string') {
    return readLongEvent(text, work, (long) => {
      const parsed = long ? parseLongEvent(long) : tooLarge();
      if (long && parsed.state === 'event') tapeLong(tape, long, work, tape && place());
      take(parsed, (audio) => long?.bulks.get(audio)?.base64 ?? audio);
    });
  }
  const parsed = parseClientEvent(text);
  if (parsed.state === 'event') tape?.heard(text, place);
  take(parsed, (audio) => audio);
}

/** @param handle undefined: there is too much in it */
export function readLongEvent(
  text: LongText,
  work: PacedWork,
  handle: (event: LongEvent | undefined) => void,
): void {
  work.do(reading(text, handle));
}

/** A long append is on the tape as several, which are the same sound. */
export function tapeLong(
  tape: Tape | undefined,
  event: LongEvent,
  work: PacedWork,
  place?: StreamPlace,
): void {
  if (!tape) return;
  const [only] = event.bulks.values();
  if (event.bulks.size !== 1 || !only || !/"type"\s*:\s*"input_audio_buffer\.append"/.test(event.text))
    return tape.heard(abridged(event));
  const { base64 } = only;
  if (base64.state === 'sound') work.do(taping(tape, base64.texts(), place));
}

function* reading(text: LongText, handle: (event: LongEvent | undefined) => void): Generator<number> {
  const steps = readLong(text);
  let step = steps.next();
  for (; !step.done; step = steps.next()) yield step.value * samplesAByte;
  handle(step.value);
}

function* taping(tape: Tape, texts: Iterable<string>, place: StreamPlace | undefined): Generator<number> {
  let at = place;
  for (const audio of texts) {
    const before = at;
    tape.heard(`{"type":"input_audio_buffer.append","audio":"${audio}"}`, () => before);
    at = undefined;
    yield audio.length * samplesAByte;
  }
}
