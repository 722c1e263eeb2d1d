// What is known of a take, as `metadata.json` has it and the API shows it. Pure.
import { type Container, fileNames, isCallerFile, type TakeName, takeId } from './names.ts';

/** One side's sound, or a piece of it: as WAV, PCM16 mono; as WebM, what the caller sent as it came. */
export interface Track {
  readonly file: string;
  readonly container: Container;
  readonly codec: 'pcm' | 'opus';
  /** At which its samples are counted; of Opus 48000. */
  readonly rateHz: number;
  readonly samples: number;
  readonly durationMs: number;
  /** Those that travelled, in the order of their first use: `audio/pcm 24000`, `audio/pcmu`. */
  readonly formats: readonly string[];
}

/**
 *     recording ──▶ finished | failed (it could not be written);   its gateway was gone: interrupted
 */
type TakeState = 'recording' | 'finished' | 'failed' | 'interrupted';

export interface TakeFacts extends TakeName {
  /** `SESSION/TAKE`. */
  readonly id: string;
  readonly pipeline: string;
  readonly state: TakeState;
  /** Why it ended: `switched_off`, `recording_failed`, `interrupted`, or why its session did. */
  readonly reason: string | null;
  readonly error: { readonly code: 'recording_failed'; readonly message: string } | null;
  /** Ms since the epoch. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** `import`: somebody brought it along; there is no session, and nothing but the caller's sound. */
  readonly source: 'session' | 'import';
  readonly caller: Track;
  /** What the caller sent after that, where it changed its format or began a new stream of WebM; in order. */
  readonly callerMore: readonly Track[];
  readonly assistant: Track;
  readonly events: number;
  /** Of all its files. */
  readonly bytes: number;
  /** Of the greenroom that made it. */
  readonly version: string;
}

/** What tells our metadata from anybody else's. */
const mark = { kind: 'greenroom-recording', format: 1 } as const;
/**
 * The first one is filled up to so many bytes: where a full disk lets no other take its place, it is written over, which
 * takes no room.
 */
export const metadataBytes = 4096;

export function metadataText(facts: TakeFacts): string {
  return `${JSON.stringify({ ...mark, ...facts }, null, 2)}\n`.padEnd(metadataBytes, ' ');
}

/** Undefined when it is not ours, or not of this take. */
export function readMetadata(text: string, name: TakeName): TakeFacts | undefined {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    // Cut, or somebody else's.
    return undefined;
  }
  if (typeof given !== 'object' || given === null) return undefined;
  const { kind, format, ...facts } = given as typeof mark & TakeFacts;
  if (kind !== mark.kind || format !== mark.format || facts.id !== takeId(name)) return undefined;
  const whole =
    facts.session === name.session && facts.take === name.take && typeof facts.startedAtMs === 'number';
  const more = facts.callerMore ?? [];
  if (!whole || !Array.isArray(more) || !isTrack(facts.assistant)) return undefined;
  // A name is part of a path: no other one than ours.
  if (facts.assistant.file !== fileNames.assistant) return undefined;
  if (![facts.caller, ...more].every((track) => isTrack(track) && isCallerFile(track.file))) return undefined;
  return {
    ...facts,
    // Older ones know of nothing else.
    source: facts.source ?? 'session',
    caller: { ...asWav, ...facts.caller },
    callerMore: more.map((track) => ({ ...asWav, ...track })),
    assistant: { ...asWav, ...facts.assistant },
  };
}

const asWav = { container: 'wav', codec: 'pcm' } as const;

/** Whole, and of another program: nobody's business. */
export function isForeign(text: string): boolean {
  try {
    const given: unknown = JSON.parse(text);
    return typeof given !== 'object' || given === null || !('kind' in given) || given.kind !== mark.kind;
  } catch {
    return false;
  }
}

const isTrack = (track: Track | undefined): boolean =>
  typeof track?.rateHz === 'number' && typeof track.samples === 'number';
