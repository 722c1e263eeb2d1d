// What `talk` was asked to do, checked before anything is opened: the file is read, the place of the result is there.
import { access, constants, readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { concatPcm } from '../../audio/pcm.ts';
import { Resampler } from '../../audio/resample.ts';
import { parseWav, WavError } from '../../audio/wav.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import { sessionRateHz } from '../../wire/session-config.ts';
import type { CommandIo } from '../io.ts';
import type { GatewayOptions } from '../talk-address.ts';
import { findPlayer, findRecorder, type SoundProgram } from './programs.ts';

export interface TalkOptions extends GatewayOptions {
  readonly file?: string | undefined;
  /** Said one after the other, each when the one before is answered. */
  readonly text?: readonly string[] | undefined;
  readonly out?: string | undefined;
  /** A device, or a command that writes raw PCM16 at 24 kHz. `false`: lines are typed. */
  readonly mic?: string | boolean | undefined;
  /** Whether a live call plays its answers. Default true. */
  readonly play?: boolean | undefined;
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
  /** `live`: a person at a microphone or at the keys, until it leaves. `script`: what was given, and the end. */
  readonly kind: 'live' | 'script';
  readonly lines: readonly string[];
  readonly recording: Recording | undefined;
  /** `pushed`: the whole recording is one turn; `detected`: the gateway hears where turns are. */
  readonly turns: 'detected' | 'pushed';
  readonly outPath: string | undefined;
  readonly timeoutMs: number;
  /** Of a live call. */
  readonly recorder: SoundProgram | null;
  readonly player: SoundProgram | null;
}

const timeoutMsDefault = 60_000;

/** Throws `bad_usage`. */
export async function planTalk(options: TalkOptions, io: CommandIo): Promise<TalkPlan> {
  const { file, out, text: lines = [], mic, play, pushToTalk, timeoutMs = timeoutMsDefault } = options;
  const micNamed = mic === false || typeof mic === 'string';
  if (micNamed && file !== undefined)
    throw bad('--file is what is heard: give it without --mic and --no-mic');
  const kind = micNamed || (file === undefined && lines.length === 0) ? 'live' : 'script';
  if (pushToTalk && file === undefined)
    throw bad('--push-to-talk is about a recording: give --file in.wav as well');
  if (lines.some((line) => line.trim() === '')) throw bad('--text has nothing to say: the line is empty');
  const outPath = out === undefined ? undefined : await writablePath(out, io.cwd);
  const recording = file === undefined ? undefined : await readRecording(file, io.cwd);
  const live = kind === 'live';
  const device = typeof mic === 'string' ? mic : undefined;
  const recorder = live && mic !== false ? await findRecorder(device, io.env) : null;
  const player = live && play !== false ? ((await findPlayer(io.env)) ?? null) : null;
  const turns = pushToTalk ? 'pushed' : 'detected';
  return { kind, lines, recording, turns, outPath, timeoutMs, recorder, player };
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
