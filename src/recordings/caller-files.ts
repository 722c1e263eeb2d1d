// The caller's side of a take on the disk: as it came, in one file, or in several where the caller changed between PCM and
// WebM/Opus. Blocks, and is for the recordings' thread alone.
import { join } from 'node:path';
import { pcmToBytes } from '../audio/pcm.ts';
import type { Track } from './facts.ts';
import { unlinkIfThere } from './folders.ts';
import { callerFile, callerPiecesMax } from './names.ts';
import { OwnFile } from './own-file.ts';
import { head, wavTrack, webmTrack } from './track.ts';

export type CallerSound =
  /** PCM16 at the session's rate. */
  | { readonly container: 'wav'; readonly pcm: Int16Array; readonly format: string }
  | {
      readonly container: 'webm';
      readonly bytes: Uint8Array;
      /** What became whole with it, at 48 kHz. */
      readonly samples: number;
      /** `begin`: it is another stream than the one before. */
      readonly stream: 'begin' | 'same';
    };

interface Piece {
  readonly container: Track['container'];
  readonly name: string;
  readonly file: OwnFile;
  /** Of a WebM. */
  samples: number;
  readonly formats: string[];
}

export class CallerFiles {
  readonly #folder: string;
  /** Those before the one that is written: whole, and closed. */
  readonly #done: Track[] = [];
  #doneBytes = 0;
  #piece: Piece;

  /** Throws what the disk says. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#piece = this.#make('wav');
  }

  /** In the order in which they came. */
  get tracks(): readonly [Track, ...Track[]] {
    const [first, ...more] = [...this.#done, trackOfPiece(this.#piece)];
    return [first ?? trackOfPiece(this.#piece), ...more];
  }

  get bytes(): number {
    return this.#doneBytes + this.#piece.file.bytes;
  }

  /** Throws what the disk says. */
  write(sounds: readonly CallerSound[]): void {
    // Of many pieces one write.
    let waiting: Uint8Array[] = [];
    const flush = () => {
      if (waiting.length > 0) this.#piece.file.append(Buffer.concat(waiting));
      waiting = [];
    };
    for (const sound of sounds) {
      if (this.#isOther(sound)) {
        flush();
        this.#begin(sound.container);
      }
      const piece = this.#piece;
      if (sound.container === 'webm') {
        waiting.push(sound.bytes);
        piece.samples += sound.samples;
      } else {
        waiting.push(pcmToBytes(sound.pcm));
        if (!piece.formats.includes(sound.format)) piece.formats.push(sound.format);
      }
    }
    flush();
  }

  /** Throws when what is written can no longer be found. */
  check(): void {
    this.#piece.file.check();
  }

  /** A header that is true. Throws what the disk says. */
  mend(): void {
    const { container, file } = this.#piece;
    if (container === 'wav') file.patch(head(file.bytes), 0);
  }

  close(): void {
    this.#piece.file.close();
  }

  /** Streams of one kind can stand one after the other in a file too; only players for one alone do not see the later ones. */
  #isOther(sound: CallerSound): boolean {
    if (sound.container !== this.#piece.container) return true;
    const begins = sound.container === 'webm' && sound.stream === 'begin' && this.#piece.file.bytes > 0;
    return begins && this.#done.length + 1 < callerPiecesMax;
  }

  /** In place of one that nothing was said in. */
  #begin(container: Track['container']): void {
    const { file, container: before } = this.#piece;
    const empty = before === 'wav' && file.bytes <= headBytes;
    if (!empty && this.#done.length + 1 >= callerPiecesMax)
      throw new Error(`its caller has changed between PCM and WebM over ${callerPiecesMax} times`);
    this.mend();
    const next = empty ? undefined : trackOfPiece(this.#piece);
    file.close();
    if (empty) unlinkIfThere(file.path);
    else {
      this.#doneBytes += file.bytes;
      if (next) this.#done.push(next);
    }
    this.#piece = this.#make(container);
  }

  #make(container: Track['container']): Piece {
    const name = callerFile(this.#done.length + 1, container);
    const file = OwnFile.make(join(this.#folder, name));
    if (container === 'wav') file.append(head(0));
    return { container, name, file, samples: 0, formats: [] };
  }
}

const headBytes = head(0).length;

function trackOfPiece({ container, name, file, samples, formats }: Piece): Track {
  return container === 'webm' ? webmTrack(name, samples) : wavTrack(name, file.bytes, formats);
}
