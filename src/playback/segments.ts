// Mode `segments`: what the caller said, turn by turn, without voice activity: each becomes one item of the caller's with
// its audio, and is answered before the next one.
import { concatPcm } from '../audio/pcm.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import type { CallerTrack } from './caller-track.ts';
import type { EventLog } from './event-log.ts';
import type { Player } from './player.ts';
import { type Utterance, Utterances } from './utterances.ts';
import { atSessionRate, encodeWhole, formatOf } from './voice.ts';

/** What one item may have, as the wire limits it: longer ones are said in several. */
const samplesMax = 300 * sessionRateHz;

export async function playSegments(
  player: Player,
  { track, utterances }: { readonly track: CallerTrack; readonly utterances: AsyncIterable<Utterance> },
  signal: AbortSignal,
): Promise<void> {
  const { place } = player;
  const reader = new RangeReader(atSessionRate(track.chunks, track.rateHz));
  place.need();
  for await (const utterance of utterances) {
    for (const part of parts(utterance)) {
      await player.due((part.fromSample * 1000) / sessionRateHz, signal);
      const pcm = await reader.read(part);
      await player.settled(signal);
      const look = place.look();
      if (signal.aborted || !look) return;
      if (pcm.length === 0) continue;
      const content = [{ type: 'input_audio', audio: encodeWhole(pcm, formatOf(look)) }];
      player.say({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
      player.say({ type: 'response.create' });
      player.at((part.toSample * 1000) / sessionRateHz);
      await player.settled(signal);
    }
  }
}

/** Those that the events of the recording tell. */
export async function* utterancesIn(log: EventLog): AsyncGenerator<Utterance> {
  const found = new Utterances();
  for await (const logged of log.events) {
    const utterance = found.next(logged);
    if (utterance) yield utterance;
  }
}

function* parts({ fromSample, toSample }: Utterance): Generator<Utterance> {
  for (let at = fromSample; at < toSample; at += samplesMax)
    yield { fromSample: at, toSample: Math.min(toSample, at + samplesMax) };
}

/** Ranges of a stream, in their order; of what lies between nothing is kept. */
class RangeReader {
  readonly #pieces: AsyncIterator<Int16Array>;
  #piece: Int16Array = new Int16Array();
  #pieceStart = 0;

  constructor(pieces: AsyncGenerator<Int16Array>) {
    this.#pieces = pieces;
  }

  /** As far as there is anything of it. */
  async read({ fromSample, toSample }: Utterance): Promise<Int16Array> {
    const taken: Int16Array[] = [];
    for (;;) {
      const end = this.#pieceStart + this.#piece.length;
      const from = Math.max(fromSample, this.#pieceStart) - this.#pieceStart;
      const to = Math.min(toSample, end) - this.#pieceStart;
      if (from < to) taken.push(this.#piece.slice(from, to));
      if (end >= toSample) return concatPcm(taken);
      const { done, value } = await this.#pieces.next();
      if (done) return concatPcm(taken);
      this.#pieceStart = end;
      this.#piece = value;
    }
  }
}
