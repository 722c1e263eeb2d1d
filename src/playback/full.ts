// Mode `full`: the caller's sound goes into the session as if it came from the microphone: voice activity finds the
// turns, the pipeline answers. At speed 0 each piece is followed, and each turn answered, before the next one is said:
// so nobody is interrupted, and what waits is one piece.
import { sessionRateHz } from '../wire/session-config.ts';
import type { CallerTrack } from './caller-track.ts';
import type { Player } from './player.ts';
import { atSessionRate, Voice } from './voice.ts';

/** Where a session takes no more than it follows: what may wait for voice activity, two seconds. */
const behindSamplesMax = 2 * sessionRateHz;
/** What a commit has to have: less is no utterance. */
const heldSamplesMin = sessionRateHz / 10;

export async function playFull(player: Player, track: CallerTrack, signal: AbortSignal): Promise<void> {
  const { place, speed } = player;
  const voice = new Voice();
  place.need();
  await player.until(() => true, 'to be ready', signal);
  // What its caller has left there belongs to nobody.
  if (heldIn(player)) player.say({ type: 'input_audio_buffer.clear' });
  let samples = 0;
  for await (const pcm of atSessionRate(track.chunks, track.rateHz)) {
    await player.due((samples * 1000) / sessionRateHz, signal);
    const look = place.look();
    if (signal.aborted || !look) return;
    append(player, voice.encode(pcm, look.format));
    samples += pcm.length;
    player.at((samples * 1000) / sessionRateHz);
    await player.until(
      ({ behindSamples, work }) => {
        if (behindSamples === 'full') return false;
        if (behindSamples === 'unknown') return true;
        return speed === 0 ? behindSamples === 0 && work === 'none' : behindSamples <= behindSamplesMax;
      },
      'to follow what was said',
      signal,
    );
    if (signal.aborted) return;
  }
  append(player, voice.flush());
  await player.settled(signal);
  if (signal.aborted) return;
  endTurn(player);
  await player.settled(signal);
}

function append(player: Player, audio: string): void {
  if (audio !== '') player.say({ type: 'input_audio_buffer.append', audio });
}

function heldIn({ place }: Player): boolean {
  return (place.look()?.heldSamples ?? 0) > 0;
}

/** Nothing more comes that would end a turn under way, or the only one where nobody detects turns. */
function endTurn(player: Player): void {
  const look = player.place.look();
  if (!look || look.heldSamples < heldSamplesMin) return;
  if (look.detection !== 'off' && look.turn === 'none') return;
  player.say({ type: 'input_audio_buffer.commit' });
  if (look.detection !== 'turns') player.say({ type: 'response.create' });
}
