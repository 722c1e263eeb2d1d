// Mode `full`: the caller's sound goes into the session as if it came from the microphone: voice activity finds the
// turns, the pipeline answers. At speed 0 each piece is followed, and each turn answered, before the next one is said:
// so nobody is interrupted, and what waits is one piece. Where the session detects no turns, those of the recording are
// committed, as its caller did.
import { sessionRateHz } from '../wire/session-config.ts';
import type { CallerTrack } from './caller-track.ts';
import type { Player } from './player.ts';
import type { Utterance } from './utterances.ts';
import { atSessionRate, formatOf, Voice } from './voice.ts';

/** Where a session takes no more than it follows: what may wait for voice activity, two seconds. */
const behindSamplesMax = 2 * sessionRateHz;
/** What a commit has to have: less is no utterance. */
const heldSamplesMin = sessionRateHz / 10;

export interface FullReel {
  readonly track: CallerTrack;
  /** For a session that detects no turns; undefined where nobody knows them. */
  readonly turns: AsyncIterator<Utterance> | undefined;
}

export async function playFull(
  player: Player,
  { track, turns }: FullReel,
  signal: AbortSignal,
): Promise<void> {
  const { place } = player;
  const voice = new Voice();
  place.need();
  await player.until(() => true, 'to be ready', signal);
  // What its caller has left there belongs to nobody.
  if ((place.look()?.heldSamples ?? 0) > 0) player.say({ type: 'input_audio_buffer.clear' });
  let samples = 0;
  for await (const pcm of withTurns(player, atSessionRate(track.chunks, track.rateHz), turns)) {
    const look = place.look();
    if (signal.aborted || !look) return;
    if (pcm === 'clear' || pcm === 'commit') {
      append(player, voice.flush());
      if (pcm === 'commit') commit(player);
      else player.say({ type: 'input_audio_buffer.clear' });
      continue;
    }
    await player.due((samples * 1000) / sessionRateHz, signal);
    if (signal.aborted) return;
    append(player, voice.encode(pcm, formatOf(look)));
    samples += pcm.length;
    player.at((samples * 1000) / sessionRateHz);
    await taken(player, signal);
    if (signal.aborted) return;
  }
  append(player, voice.flush());
  await player.heard(signal);
  if (signal.aborted) return;
  // Nothing more comes that would end a turn under way.
  if (player.place.look()?.turn === 'open') commit(player);
  await player.settled(signal);
}

/** The session has what was said, or as much of it as is to wait there. */
function taken(player: Player, signal: AbortSignal): Promise<void> {
  const { speed } = player;
  return player.until(
    ({ behindSamples, work }) => {
      if (behindSamples === 'full') return false;
      if (behindSamples === 'unknown') return true;
      return speed === 0 ? behindSamples === 0 && work === 'none' : behindSamples <= behindSamplesMax;
    },
    'to follow what was said',
    signal,
  );
}

/** Cut where the turns of the recording begin and end, where nobody else finds them. */
async function* withTurns(
  { place }: Player,
  pieces: AsyncIterable<Int16Array>,
  turns: AsyncIterator<Utterance> | undefined,
): AsyncGenerator<Int16Array | 'clear' | 'commit'> {
  let at = 0;
  const found = place.look()?.detection !== 'off';
  let turn = turns && !found ? await nextOf(turns) : undefined;
  const known = turn !== undefined;
  let state: 'before' | 'within' = 'before';
  for await (const whole of pieces) {
    let piece = whole;
    while (turn && turns) {
      const edge = state === 'before' ? turn.fromSample : turn.toSample;
      if (edge > at + piece.length) break;
      const before = piece.subarray(0, Math.max(0, edge - at));
      if (before.length > 0) yield before;
      piece = piece.subarray(before.length);
      at += before.length;
      yield state === 'before' ? 'clear' : 'commit';
      if (state === 'within') turn = await nextOf(turns);
      state = state === 'before' ? 'within' : 'before';
    }
    if (piece.length > 0) yield piece;
    at += piece.length;
  }
  // The last one was cut; or nobody knows any, and all of it is one.
  if (state === 'within' || !(known || found)) yield 'commit';
}

async function nextOf(turns: AsyncIterator<Utterance>): Promise<Utterance | undefined> {
  const { done, value } = await turns.next();
  return done ? undefined : value;
}

function append(player: Player, audio: string): void {
  if (audio !== '') player.say({ type: 'input_audio_buffer.append', audio });
}

function commit(player: Player): void {
  const look = player.place.look();
  if (!look || look.heldSamples < heldSamplesMin) return;
  player.say({ type: 'input_audio_buffer.commit' });
  if (look.detection !== 'turns') player.say({ type: 'response.create' });
}
