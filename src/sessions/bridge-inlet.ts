// What the caller of a bridged call sends, as inputs of its bridge. The frequent frame, an append of audio, is recognised by
// its bytes; what is long goes on as the bytes that came.
import { appendedBytes, appendedIn } from '../bridge/audio-frames.ts';
import type { BridgeInput, UpText } from '../bridge/state.ts';
import { parseFrame, tooLarge } from '../wire/client-events.ts';
import type { JsonObject } from '../wire/json.ts';
import { filled, type LongEvent, withTexts } from '../wire/long-event.ts';
import type { LongText } from '../wire/long-text.ts';
import type { ClientFrame } from '../wire/text-frame.ts';
import type { CallerText } from './inbox.ts';
import { readLongEvent, tapeLong } from './long-events.ts';
import { withoutOurs } from './ours-in-update.ts';
import type { PacedWork } from './paced-work.ts';
import { binaryFrame } from './session-errors.ts';
import type { Tape } from './tape.ts';

export interface BridgeInletOptions {
  readonly tape: Tape | undefined;
  readonly work: PacedWork;
  readonly feed: (input: BridgeInput) => void;
  /** Whether its caller may come back: the gateway's own, upstream knows nothing of it. */
  readonly onResumption: (wanted: 'on' | 'off') => void;
}

export class BridgeInlet {
  readonly #options: BridgeInletOptions;
  /** Of the long event that is being handled. */
  #bulks: LongEvent['bulks'] | undefined;

  constructor(options: BridgeInletOptions) {
    this.#options = options;
  }

  handle(text: CallerText): void {
    const { tape, feed, work } = this.#options;
    if (text === null) return feed({ type: 'refused', error: binaryFrame });
    if (typeof text !== 'string') return readLongEvent(text, work, (long) => this.#handleLong(text, long));
    const bytes = appendedBytes(text);
    if (bytes !== undefined) tape?.heard(text);
    if (bytes !== undefined) return feed({ type: 'client_audio', text, bytes });
    const parsed = parseFrame(text);
    if (parsed.state === 'refused') return feed({ type: 'refused', error: parsed.error });
    tape?.heard(text);
    this.#feed(parsed.given, text);
  }

  handleFrame(frame: ClientFrame): boolean {
    const bytes = appendedIn(frame);
    if (bytes === undefined) return false;
    // Before it goes on: it is masked anew in its place.
    this.#options.tape?.heard(frame);
    this.#options.feed({ type: 'client_audio', text: frame, bytes });
    return true;
  }

  /** What goes upstream of a long event that had to change, with its base64 in its place. */
  filled(text: UpText): UpText {
    return this.#bulks && typeof text === 'string' ? filled(text, this.#bulks) : text;
  }

  #handleLong(text: LongText, long: LongEvent | undefined): void {
    const { tape, feed, work } = this.#options;
    const parsed = long ? parseFrame(long.text) : tooLarge();
    if (!long || parsed.state === 'refused')
      return parsed.state === 'refused' ? feed({ type: 'refused', error: parsed.error }) : undefined;
    tapeLong(tape, long, work);
    // Only then: what is sent is masked in its place.
    work.do(once(() => this.#feedLong(text, parsed.given, long)));
  }

  #feedLong(text: LongText, given: JsonObject, { bulks }: LongEvent): void {
    const { type, audio } = given;
    const bulk = typeof audio === 'string' ? bulks.get(audio)?.base64 : undefined;
    if (type === 'input_audio_buffer.append' && bulk)
      return this.#options.feed({ type: 'client_audio', text, bytes: bulk.bytes });
    this.#bulks = bulks;
    this.#feed(withTexts(given, bulks), text);
    this.#bulks = undefined;
  }

  #feed(given: JsonObject, text: UpText): void {
    const { feed, tape, onResumption } = this.#options;
    const ours = withoutOurs(given);
    if (ours.state === 'refused') return feed({ type: 'refused', error: ours.error });
    // Before it is answered.
    if (ours.state === 'ours' && ours.resumption !== undefined) onResumption(ours.resumption ? 'on' : 'off');
    feed({ type: 'client', event: ours.event, text: ours.state === 'none' ? text : ours.text });
    if (ours.state === 'ours' && ours.record !== undefined) tape?.ask(ours.record);
  }
}

function* once(step: () => void): Generator<number> {
  yield 0;
  step();
}
