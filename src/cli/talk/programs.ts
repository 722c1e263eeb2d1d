// Which program of this machine records and which plays, and how each is told to speak the wire's format: PCM16, mono,
// 24 kHz, without a header, on its standard output or input.
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { GreenroomError } from '../../lifecycle/errors.ts';
import { sessionRateHz } from '../../wire/session-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface SoundProgram {
  /** For messages. */
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** Beside what is there. */
  readonly env: Readonly<Record<string, string>>;
}

const rate = String(sessionRateHz);
const soxRaw = ['-t', 'raw', '-e', 'signed', '-b', '16', '-c', '1', '-r', rate, '-'] as const;
const ffmpegQuiet = ['-hide_banner', '-loglevel', 'error'] as const;
const onMac = process.platform === 'darwin';

/** In the order in which they are looked for. `device`: as the program calls it. */
function recorders(device: string | undefined): readonly SoundProgram[] {
  const alsa = device === undefined ? [] : ['-D', device];
  const [format, name] = onMac ? ['avfoundation', `:${device ?? '0'}`] : ['alsa', device ?? 'default'];
  const ffmpegOut = ['-ac', '1', '-ar', rate, '-f', 's16le', '-'];
  return [
    {
      name: 'arecord',
      command: ['arecord', '-q', '-t', 'raw', '-f', 'S16_LE', '-c', '1', '-r', rate, ...alsa],
      env: {},
    },
    {
      name: 'sox',
      command: ['rec', '-q', ...soxRaw],
      env: device === undefined ? {} : { AUDIODEV: device },
    },
    {
      name: 'ffmpeg',
      command: ['ffmpeg', ...ffmpegQuiet, '-nostdin', '-f', format ?? '', '-i', name ?? '', ...ffmpegOut],
      env: {},
    },
  ];
}

const players: readonly SoundProgram[] = [
  { name: 'aplay', command: ['aplay', '-q', '-t', 'raw', '-f', 'S16_LE', '-c', '1', '-r', rate], env: {} },
  { name: 'sox', command: ['play', '-q', ...soxRaw], env: {} },
  {
    name: 'ffplay',
    command: [
      ...(['ffplay', ...ffmpegQuiet] as const),
      ...['-nodisp', '-autoexit', '-f', 's16le', '-ar', rate, '-ch_layout', 'mono', '-i', '-'],
    ],
    env: {},
  },
];

/** `wanted`: a device, or a whole command, which is one when it has more than one word. Throws `microphone_missing`. */
export async function findRecorder(wanted: string | undefined, env: Environment): Promise<SoundProgram> {
  if (wanted !== undefined && /\s/.test(wanted.trim())) {
    const [name = wanted] = wanted.trim().split(/\s/);
    // By a shell: the ends of two programs are often joined by a pipe.
    return { name, command: ['sh', '-c', wanted], env: {} };
  }
  const found = await firstOnPath(recorders(wanted), env);
  if (found) return found;
  throw new GreenroomError(
    'microphone_missing',
    'there is nothing here to record with: install alsa-utils (arecord), sox or ffmpeg, name a command that writes ' +
      'raw PCM16 at 24 kHz with --mic, only type with --no-mic, or give --file or --text',
  );
}

export function findPlayer(env: Environment): Promise<SoundProgram | undefined> {
  return firstOnPath(players, env);
}

async function firstOnPath(
  programs: readonly SoundProgram[],
  env: Environment,
): Promise<SoundProgram | undefined> {
  for (const program of programs) if (await isOnPath(program.command[0], env)) return program;
  return undefined;
}

async function isOnPath(program: string, env: Environment): Promise<boolean> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const there = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return true;
  }
  return false;
}
