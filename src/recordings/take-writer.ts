// One take while it is recorded: its folder, its files, what is in them. What cannot be written ends it as `failed`, and
// nothing but it. Blocks, and is for the recordings' thread alone.
//
//     recording ──finish──▶ finished;   ──fail──▶ failed
import { join } from 'node:path';
import { pcmToBytes } from '../audio/pcm.ts';
import type { TakeFacts, Track } from './facts.ts';
import { isFolder, makeFolder, makeNewFolder, removeTake, whyOf } from './folders.ts';
import { writeMetadata } from './metadata-file.ts';
import { fileNames, takeFolder, takeId } from './names.ts';
import { OwnFile } from './own-file.ts';
import type { Step } from './protocol.ts';
import { TakeReader } from './take-reader.ts';
import { head, type TrackName, trackOf } from './track.ts';

type Start = Extract<Step, { readonly type: 'start' }>;
type Heard = Extract<Step, { readonly type: 'event' }>;

export class TakeWriter {
  readonly key: number;
  readonly id: string;
  readonly #start: Start;
  readonly #folder: string;
  readonly #version: string;
  readonly #reader: TakeReader;
  readonly #files: Readonly<Record<TrackName | 'events', OwnFile>>;
  #events = 0;
  /** Read, and not written yet. */
  #lines: string[] = [];
  readonly #sound: Record<TrackName, Int16Array[]> = { caller: [], assistant: [] };

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
    const made: OwnFile[] = [];
    const make = (file: string) => {
      const opened = OwnFile.make(join(this.#folder, file));
      made.push(opened);
      return opened;
    };
    try {
      // First: what has no metadata is nobody's.
      writeMetadata(this.#folder, this.#facts('recording', null, null, 0));
      const { caller, assistant, events } = fileNames;
      this.#files = { caller: make(caller), assistant: make(assistant), events: make(events) };
      for (const track of ['caller', 'assistant'] as const) this.#files[track].append(head(0));
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
    this.#sound.caller.push(...caller);
    this.#sound.assistant.push(...assistant);
  }

  /** What was heard, into the files. Throws what the disk says. */
  write(): void {
    for (const track of ['caller', 'assistant'] as const) {
      const pieces = this.#sound[track].splice(0);
      // Of many pieces one write.
      if (pieces.length > 0) this.#files[track].append(Buffer.concat(pieces.map(pcmToBytes)));
    }
    const lines = this.#lines.splice(0);
    if (lines.length === 0) return;
    this.#files.events.append(Buffer.from(lines.join('')));
    this.#events += lines.length;
  }

  /** Throws when what is written can no longer be found. */
  check(): void {
    if (!isFolder(this.#folder)) throw new Error('its folder was removed, or replaced');
    for (const file of Object.values(this.#files)) file.check();
  }

  /** Throws what the disk says; then it is to be failed. */
  finish(reason: string, atMs: number): TakeFacts {
    const { caller, assistant } = this.#reader.end();
    this.#sound.caller.push(...caller);
    this.#sound.assistant.push(...assistant);
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
    for (const track of ['caller', 'assistant'] as const) {
      const file = this.#files[track];
      file.patch(head(file.bytes), 0);
    }
  }

  #close(): void {
    for (const file of Object.values(this.#files)) file.close();
  }

  #bytes(): number {
    return Object.values(this.#files).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #facts(
    state: TakeFacts['state'],
    reason: string | null,
    endedAtMs: number | null,
    bytes: number,
  ): TakeFacts {
    const { name, pipeline, atMs: startedAtMs } = this.#start;
    return {
      ...{ id: this.id, ...name, pipeline, state, reason, error: null, startedAtMs, endedAtMs },
      caller: this.#track('caller'),
      assistant: this.#track('assistant'),
      ...{ events: this.#events, bytes, version: this.#version },
    };
  }

  #track(name: TrackName): Track {
    // Nothing is there yet when the first metadata is written.
    const bytes = this.#files?.[name].bytes ?? 0;
    return trackOf(name, bytes, this.#reader[name].formats);
  }
}
