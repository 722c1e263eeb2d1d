// What `talk` was asked to do, checked before anything is opened: the file is read, the place of the result is there.
import { access, constants, readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { concatPcm } from '../../audio/pcm.ts';
import { Resampler } from '../../audio/resample.ts';
import { parseWav, WavError } from '../../audio/wav.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { sessionRateHz } from '../../wire/session-config.ts';
import type { CommandIo } from '../io.ts';

export interface TalkOptions {
  readonly url?: string | undefined;
  /** Data directory of the gateway, where no `url` is given. Default `./.greenroom`. */
  readonly data?: string | undefined;
  readonly file?: string | undefined;
  /** Said one after the other, each when the one before is answered. */
  readonly text?: readonly string[] | undefined;
  readonly out?: string | undefined;
  readonly pushToTalk?: boolean | undefined;
  readonly model?: string | undefined;
  readonly token?: string | undefined;
  readonly json?: boolean | undefined;
  /** The longest wait for any one thing. Default 60,000. */
  readonly timeoutMs?: number | undefined;
}

export interface Recording {
  /** As it was given, for messages. */
  readonly name: string;
  /** At the session's rate. */
  readonly pcm: Int16Array;
}

export interface TalkPlan {
  readonly lines: readonly string[];
  readonly recording: Recording | undefined;
  /** `pushed`: the whole recording is one turn; `detected`: the gateway hears where turns are. */
  readonly turns: 'detected' | 'pushed';
  readonly outPath: string | undefined;
  readonly timeoutMs: number;
}

const timeoutMsDefault = 60_000;

/** Throws `bad_usage`. */
export async function planTalk(options: TalkOptions, io: CommandIo): Promise<TalkPlan> {
  const { file, out, text: lines = [], pushToTalk, timeoutMs = timeoutMsDefault } = options;
  if (file === undefined && lines.length === 0) {
    throw bad(
      'the microphone comes in a later version: give --file in.wav or --text "..." (or both; the lines come first)',
    );
  }
  if (pushToTalk && file === undefined)
    throw bad('--push-to-talk is about a recording: give --file in.wav as well');
  if (lines.some((line) => line.trim() === '')) throw bad('--text has nothing to say: the line is empty');
  const outPath = out === undefined ? undefined : await writablePath(out, io.cwd);
  const recording = file === undefined ? undefined : await readRecording(file, io.cwd);
  return { lines, recording, turns: pushToTalk ? 'pushed' : 'detected', outPath, timeoutMs };
}

async function readRecording(name: string, cwd: string): Promise<Recording> {
  try {
    const { pcm, rateHz } = parseWav(await readFile(resolve(cwd, name)));
    const resampler = new Resampler({ fromHz: rateHz, toHz: sessionRateHz });
    return { name, pcm: concatPcm([resampler.push(pcm), resampler.flush()]) };
  } catch (thrown) {
    if (thrown instanceof WavError) throw bad(`--file ${name} is no WAV we can read: ${thrown.message}`);
    throw bad(`--file ${name} cannot be read: ${messageOf(thrown)}`, thrown);
  }
}

/** Told now rather than after the call. */
async function writablePath(name: string, cwd: string): Promise<string> {
  const path = resolve(cwd, name);
  const folder = dirname(path);
  try {
    await access(folder, constants.W_OK);
  } catch (thrown) {
    throw bad(`--out ${name}: ${folder} is not there, or cannot be written`, thrown);
  }
  if ((await isFolder(path)) === 'folder') throw bad(`--out ${name} is a folder`);
  return path;
}

async function isFolder(path: string): Promise<'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'none';
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw thrown;
  }
}

function bad(message: string, cause?: unknown): GreenroomError {
  return new GreenroomError('bad_usage', message, cause === undefined ? {} : { cause });
}
