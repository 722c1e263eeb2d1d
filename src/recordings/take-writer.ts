// One take while it is recorded: its folder, its files, what is in them. What cannot be written ends it as `failed`, and
// nothing but it. Blocks, and is for the recordings' thread alone.
//
//     recording ──finish──▶ finished;   ──fail──▶ failed
import { join } from 'node:path';
import { pcmToBytes } from '../audio/pcm.ts';
import type { StreamPlace } from '../audio/webm/demuxer.ts';
import { CallerFiles, type CallerSound } from './caller-files.ts';
import type { TakeFacts } from './facts.ts';
import { isFolder, makeFolder, makeNewFolder, removeTake, whyOf } from './folders.ts';
import { writeMetadata } from './metadata-file.ts';
import { fileNames, takeFolder, takeId } from './names.ts';
import { OwnFile } from './own-file.ts';
import type { Step } from './protocol.ts';
import { TakeReader } from './take-reader.ts';
import { head, trackOf } from './track.ts';

type Start = Extract<Step, { readonly type: 'start' }>;
type Heard = Extract<Step, { readonly type: 'event' }>;

export class TakeWriter {
  readonly key: number;
  readonly id: string;
  readonly #start: Start;
  readonly #folder: string;
  readonly #version: string;
  readonly #reader: TakeReader;
  readonly #caller: CallerFiles;
  readonly #files: Readonly<Record<'assistant' | 'events', OwnFile>>;
  #events = 0;
  /** Read, and not written yet. */
  #lines: string[] = [];
  #callerSound: CallerSound[] = [];
  #assistantSound: Int16Array[] = [];

  /** Throws why there can be no such take; then nothing of it is left. */
  constructor(root: string, start: Start, version: string) {
    const { key, name, formats, context } = start;
    this.key = key;
    this.id = takeId(name);
    this.#start = start;
    this.#version = version;
    this.#folder = takeFolder(root, name);
    this.#reader = new TakeReader(formats, context);
    makeFolder(root);
    makeFolder(join(root, name.session));
    makeNewFolder(this.#folder);
    const made: { close(): void }[] = [];
    const make = (file: string) => {
      const opened = OwnFile.make(join(this.#folder, file));
      made.push(opened);
      return opened;
    };
    try {
      // First: what has no metadata is nobody's.
      writeMetadata(this.#folder, this.#facts('recording', null, null, 0));
      this.#caller = new CallerFiles(this.#folder);
      made.push(this.#caller);
      this.#files = { assistant: make(fileNames.assistant), events: make(fileNames.events) };
      this.#files.assistant.append(head(0));
    } catch (thrown) {
      for (const file of made) file.close();
      removeTake(this.#folder);
      throw thrown;
    }
  }

  /** As it is by now. */
  get facts(): TakeFacts {
    return this.#facts('recording', null, null, this.#bytes());
  }

  hear(step: Heard): void {
    const { line, caller, assistant } = this.#reader.read(step);
    this.#lines.push(line);
    this.#callerSound.push(...caller);
    this.#assistantSound.push(...assistant);
  }

  /** A stream of WebM that began before this take. */
  goOn(place: StreamPlace): void {
    this.#callerSound.push(...this.#reader.goOn(place));
  }

  /** What was heard, into the files. Throws what the disk says. */
  write(): void {
    this.#caller.write(this.#callerSound.splice(0));
    const spoken = this.#assistantSound.splice(0);
    // Of many pieces one write.
    if (spoken.length > 0) this.#files.assistant.append(Buffer.concat(spoken.map(pcmToBytes)));
    const lines = this.#lines.splice(0);
    if (lines.length === 0) return;
    this.#files.events.append(Buffer.from(lines.join('')));
    this.#events += lines.length;
  }

  /** Throws when what is written can no longer be found. */
  check(): void {
    if (!isFolder(this.#folder)) throw new Error('its folder was removed, or replaced');
    this.#caller.check();
    for (const file of Object.values(this.#files)) file.check();
  }

  /** Throws what the disk says; then it is to be failed. */
  finish(reason: string, atMs: number): TakeFacts {
    const { caller, assistant } = this.#reader.end();
    this.#callerSound.push(...caller);
    this.#assistantSound.push(...assistant);
    this.write();
    this.check();
    this.#mend();
    const facts = this.#facts('finished', reason, atMs, this.#bytes());
    writeMetadata(this.#folder, facts);
    this.#close();
    return facts;
  }

  /** What is in the files stays there, with headers that are true, as far as the disk takes that. */
  fail(why: string, atMs: number): TakeFacts {
    try {
      this.#mend();
    } catch {
      // A reader takes a header without a length as well.
    }
    const ended = this.#facts('failed', 'recording_failed', atMs, this.#bytes());
    const facts: TakeFacts = { ...ended, error: { code: 'recording_failed', message: why } };
    try {
      // Not through what may have taken its place.
      if (isFolder(this.#folder)) writeMetadata(this.#folder, facts);
    } catch (thrown) {
      const message = `${why}; this could not be written down either: ${whyOf(thrown)}`;
      return { ...facts, error: { code: 'recording_failed', message } };
    } finally {
      this.#close();
    }
    return facts;
  }

  #mend(): void {
    this.#caller.mend();
    const { assistant } = this.#files;
    assistant.patch(head(assistant.bytes), 0);
  }

  #close(): void {
    this.#caller.close();
    for (const file of Object.values(this.#files)) file.close();
  }

  #bytes(): number {
    return this.#caller.bytes + Object.values(this.#files).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #facts(
    state: TakeFacts['state'],
    reason: string | null,
    endedAtMs: number | null,
    bytes: number,
  ): TakeFacts {
    const { name, pipeline, atMs: startedAtMs } = this.#start;
    // Nothing is there yet when the first metadata is written.
    const [caller, ...callerMore] = this.#caller?.tracks ?? [trackOf('caller', 0, [])];
    const spoken = this.#files?.assistant.bytes ?? 0;
    return {
      ...{ id: this.id, ...name, pipeline, state, reason, error: null, startedAtMs, endedAtMs },
      ...{ source: 'session', caller, callerMore },
      assistant: trackOf('assistant', spoken, this.#reader.assistant.formats),
      ...{ events: this.#events, bytes, version: this.#version },
    };
  }
}
