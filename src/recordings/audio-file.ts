// The sound of a recording for whoever wants to hear it: as a WAV whose header is true, also of a take that is under way or
// could not be finished. Nothing is opened through a link.
import type { FileHandle } from 'node:fs/promises';
import { GreenroomError } from '../lifecycle/errors.ts';
import { fileNames, type Part, type TakeName, takeId } from './names.ts';
import { openTakeFile } from './take-file.ts';
import { head } from './track.ts';

/** From `start` to before `end`, in bytes. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export class AudioFile {
  readonly #file: FileHandle;
  readonly #head: Uint8Array;
  /** As it is now; it may grow. */
  readonly bytes: number;

  /** Throws `not_found` when it is not there, or not as we made it. */
  static async open(root: string, name: TakeName, part: Part): Promise<AudioFile> {
    try {
      const file = await openTakeFile(root, name, fileNames[part]);
      return new AudioFile(file, (await file.stat()).size);
    } catch (cause) {
      const message = `the audio of recording ${takeId(name)} (${fileNames[part]}) is not there, or is no file of ours`;
      throw new GreenroomError('not_found', message, { cause });
    }
  }

  private constructor(file: FileHandle, fileBytes: number) {
    this.#file = file;
    this.#head = head(fileBytes);
    // Whole samples.
    this.bytes = this.#head.length + new DataView(this.#head.buffer).getUint32(40, true);
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
