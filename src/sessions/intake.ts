// What a caller appends: decoded, kept by position, bounded. In the lobby early audio is bounded by age and bytes, for
// the session and over all sessions; later by bytes alone. What is over the bound goes oldest first, and is told.
import { sessionRateHz } from '../wire/session-config.ts';
import { AppendDecoder } from './append-decoder.ts';
import { type AudioBudget, InputAudio } from './input-audio.ts';

export type Taken =
  | {
      readonly state: 'taken';
      readonly samples: number;
      /** Everything before this position is over the bound; null when nothing is. */
      readonly dropTo: number | null;
      /** For the caller; empty when it has been told already. */
      readonly why: string;
    }
  | { readonly state: 'refused'; readonly why: string };

/** Input that nothing has taken, once the lobby is behind: about six minutes. */
const inputBytesMax = 16 * 1024 * 1024;

export class Intake {
  readonly audio: InputAudio;
  readonly #earlyBytesMax: number;
  readonly #decoder = new AppendDecoder();
  #overflow: 'none' | 'told' = 'none';

  constructor(budget: AudioBudget, early: { readonly ageMs: number; readonly bytesMax: number }) {
    this.audio = new InputAudio(budget);
    this.#earlyBytesMax = Math.min(early.bytesMax, Math.round((early.ageMs * sessionRateHz) / 1000) * 2);
  }

  append(base64: string, phase: 'lobby' | 'ready' | 'failed'): Taken {
    const decoded = this.#decoder.decode(base64);
    if (decoded.state === 'refused') return decoded;
    const { pcm } = decoded;
    this.audio.append(pcm);
    const lobby = phase === 'lobby';
    const bytesMax = lobby ? this.#earlyBytesMax : inputBytesMax;
    const excess = this.audio.excess(bytesMax, lobby);
    if (excess === 0) return { state: 'taken', samples: pcm.length, dropTo: null, why: '' };
    const why =
      this.#overflow === 'none'
        ? `only the last ${bytesMax} bytes of input are kept: the oldest was dropped`
        : '';
    this.#overflow = 'told';
    return { state: 'taken', samples: pcm.length, dropTo: this.audio.startSample + excess, why };
  }

  /** False when nothing before the position was held. */
  drop(beforeSample: number): boolean {
    if (beforeSample <= this.audio.startSample) return false;
    this.audio.dropBefore(beforeSample);
    return true;
  }

  /** The caller cleared the buffer: half a sample that waits for its other half goes with it. */
  cleared(): void {
    this.#decoder.reset();
  }

  /** The lobby is behind: a later overflow is told anew. */
  settled(): void {
    this.#overflow = 'none';
  }

  close(): void {
    this.audio.dropBefore(this.audio.endSample);
  }
}
