// What the caller said in a take, as PCM16, whatever it was kept as: read and decoded off the loop, a piece at a time as it
// is taken. Holds nothing before its first piece is asked for, and nothing when its iterator has returned.
import type { Decoders } from '../audio/decoding/decoders.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { AudioFile } from './audio-file.ts';
import type { TakeFacts, Track } from './facts.ts';

export interface CallerAudio {
  readonly rateHz: number;
  /** Null: nobody knows, the take is under way. */
  readonly durationMs: number | null;
  /** Mono, in order; half a second each at the most. May be iterated once. Throws `not_found`, `invalid_audio` with the byte. */
  readonly chunks: AsyncIterable<Int16Array>;
}

export interface CallerAudioOptions {
  /** The folder of all recordings. */
  readonly root: string;
  readonly take: TakeFacts;
  readonly decoders: Pick<Decoders, 'open'>;
  /** Default: a session's, 24,000. */
  readonly rateHz?: number;
}

/** Throws GreenroomError `not_found` when a file of it is not there. */
export async function openCallerAudio(options: CallerAudioOptions): Promise<CallerAudio> {
  const { root, take, decoders, rateHz = sessionRateHz } = options;
  const tracks = [take.caller, ...take.callerMore];
  // Whoever plays it is to know before the first sound.
  for (const track of tracks) await (await AudioFile.open(root, take, track)).close();
  const durationMs = tracks.reduce((sum, track) => sum + track.durationMs, 0);
  return {
    rateHz,
    durationMs: take.state === 'recording' ? null : durationMs,
    chunks: chunksOf(tracks, async function* (track) {
      yield* trackChunks(await AudioFile.open(root, take, track), track, decoders, rateHz);
    }),
  };
}

async function* chunksOf(
  tracks: readonly Track[],
  read: (track: Track) => AsyncGenerator<Int16Array>,
): AsyncGenerator<Int16Array> {
  for (const track of tracks) yield* read(track);
}

async function* trackChunks(
  file: AudioFile,
  { container }: Track,
  decoders: Pick<Decoders, 'open'>,
  rateHz: number,
): AsyncGenerator<Int16Array> {
  // Closes the file at its end, and when nobody reads on.
  const bytes = file.stream({ start: 0, end: file.bytes });
  const stream = decoders.open(container, rateHz);
  try {
    for await (const piece of bytes) yield* stream.decode(piece);
    const rest = await stream.end();
    if (rest.length > 0) yield rest;
  } finally {
    stream.close();
  }
}
