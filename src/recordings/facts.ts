// What is known of a take, as `metadata.json` has it and the API shows it. Pure.
import { type TakeName, takeId } from './names.ts';

/** One side's sound: PCM16, mono. */
export interface Track {
  readonly file: string;
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
  readonly caller: Track;
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
  return whole && isTrack(facts.caller) && isTrack(facts.assistant) ? facts : undefined;
}

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
