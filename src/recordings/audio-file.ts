// The sound of a recording for whoever wants to hear it: as a WAV whose header is true, also of a take that is under way or
// could not be finished; or as it came. Nothing is opened through a link.
import type { FileHandle } from 'node:fs/promises';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { TakeFacts, Track } from './facts.ts';
import { errnoOf, whyOf } from './folders.ts';
import { takeId } from './names.ts';
import { openTakeFile } from './take-file.ts';
import { head } from './track.ts';

/** From `start` to before `end`, in bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export class AudioFile {
  readonly #file: FileHandle;
  /** In place of what the file begins with. */
  readonly #head: Uint8Array;
  /** As it is now; it may grow. */
  readonly bytes: number;

  /**
   * One track of a take that is known. Throws `recording_broken` when it is not there, not as we made it, or less than
   * `facts` say; `recording_failed` when it cannot be read.
   */
  static async open(root: string, facts: TakeFacts, track: Track): Promise<AudioFile> {
    const { file: fileName, container } = track;
    const name = { session: facts.session, take: facts.take };
    try {
      const file = await openTakeFile(root, name, fileName);
      // An import has the header that it came with.
      const asWritten = container === 'webm' || facts.source === 'import';
      const audio = new AudioFile(file, (await file.stat()).size, asWritten);
      const wrong = lack(audio, facts, track);
      if (wrong === undefined) return audio;
      await file.close();
      throw new Error(wrong);
    } catch (cause) {
      const code = unreadable.includes(errnoOf(cause)) ? 'recording_failed' : 'recording_broken';
      const why = errnoOf(cause) === 'ENOENT' ? 'it is not there any more' : whyOf(cause);
      const what = `${fileName} of recording ${takeId(name)}`;
      const message =
        code === 'recording_failed' ? `${what} cannot be read: ${why}` : `${what} is broken: ${why}`;
      const details = { recording: takeId(name), file: fileName };
      throw new GreenroomError(code, message, { cause, details });
    }
  }

  private constructor(file: FileHandle, fileBytes: number, asWritten: boolean) {
    this.#file = file;
    this.#head = asWritten ? new Uint8Array(0) : head(fileBytes);
    // Whole samples.
    this.bytes = asWritten
      ? fileBytes
      : this.#head.length + new DataView(this.#head.buffer).getUint32(40, true);
  }

  get samples(): number {
    return (this.bytes - this.#head.length) / 2;
  }

  /** Closes the file at its end, and when nobody reads on. */
  stream({ start, end }: Range): ReadableStream<Uint8Array> {
    const file = this.#file;
    const head = this.#head;
    let at = start;
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (at < head.length && at < end) {
            const piece = head.slice(at, Math.min(end, head.length));
            at += piece.length;
            return controller.enqueue(piece);
          }
          const { bytesRead, buffer } = await file.read({
            buffer: new Uint8Array(Math.max(1, Math.min(pieceBytes, end - at))),
            position: at,
            length: Math.min(pieceBytes, end - at),
          });
          at += bytesRead;
          if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
          if (bytesRead > 0 && at < end) return;
          await file.close();
          // Cut while it was read: who was told a length must not take less for all of it.
          if (at < end) controller.error(new Error('the recording was cut while it was read'));
          else controller.close();
        },
        cancel: () => file.close(),
      },
      { highWaterMark: 0 },
    );
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const pieceBytes = 64 * 1024;

/** What another attempt, or another owner of the file, may change. */
const unreadable: readonly unknown[] = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'EIO'];

/** Of one that has ended, and which nobody appends to. How much sound is in a WebM its decoder finds out. */
function lack(audio: AudioFile, { state, source }: TakeFacts, track: Track): string | undefined {
  if (state === 'recording' || source === 'import' || track.container === 'webm') return undefined;
  const there = audio.samples;
  return there >= track.samples ? undefined : `it was cut: ${there} of ${track.samples} samples are there`;
}

export type RangeAsked =
  | { readonly state: 'whole' }
  | { readonly state: 'part'; readonly range: Range }
  /** Nothing of it is there. */
  | { readonly state: 'outside' };

/** What a `Range` header asks for of so many bytes (RFC 9110, 14.2). What is no single range of bytes is passed over. Pure. */
export function rangeIn(header: string | undefined, bytes: number): RangeAsked {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return { state: 'whole' };
  if (from === '') {
    const last = Math.min(Number(to), bytes);
    return last === 0 ? { state: 'outside' } : { state: 'part', range: { start: bytes - last, end: bytes } };
  }
  const start = Number(from);
  if (to !== '' && Number(to) < start) return { state: 'whole' };
  if (start >= bytes) return { state: 'outside' };
  return { state: 'part', range: { start, end: to === '' ? bytes : Math.min(bytes, Number(to) + 1) } };
}
