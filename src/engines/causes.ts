// Why a program has ended, from how it ended and what it said last: in a few words, with the next step, and whether it
// would end the same way again. Pure. Patterns are matched against the last lines; what is certain comes first, since
// one failure often says the next one ("out of memory", then "failed to load model").
import { oneLine } from './one-line.ts';
import type { EngineFailure } from './state.ts';

export type FailureCause =
  | 'port_in_use'
  | 'out_of_memory'
  | 'file_missing'
  | 'model_broken'
  | 'model_held'
  | 'model_changed'
  | 'bad_flag'
  | 'gpu'
  | 'library_missing'
  | 'module_missing'
  | 'program_missing'
  | 'permission'
  | 'crash'
  | 'killed'
  | 'ended'
  | 'stall';

export interface Diagnosis {
  readonly cause: FailureCause;
  /** What it is, with the line that says it. */
  readonly what: string;
  /** What to do about it. */
  readonly next: string;
  readonly kind: EngineFailure['kind'];
}

export interface End {
  readonly code: number | null;
  readonly signal: string | null;
  /** Masked, the last one last. */
  readonly lines: readonly string[];
  /** What a program says while it works is no reason for its end. */
  readonly stage: 'starting' | 'ready';
}

interface Pattern {
  readonly cause: FailureCause;
  readonly text: RegExp;
  readonly what: string;
  readonly next: string;
  readonly kind: Diagnosis['kind'];
  /** May also end one that was ready. */
  readonly late?: true;
}

const patterns: readonly Pattern[] = [
  {
    cause: 'port_in_use',
    text: /address already in use|EADDRINUSE|(?:couldn't|could not|failed to|cannot) bind|Only one usage of each socket/i,
    what: 'its port is in use',
    next: 'end who holds the port, or use `port: auto`',
    kind: 'passing',
  },
  {
    cause: 'out_of_memory',
    text: /out of memory|OutOfMemory|OUT_OF_(?:DEVICE_)?MEMORY|cudaMalloc failed|cannot allocate memory|(?:unable|failed) to allocate|std::bad_alloc|\bMemoryError\b|insufficient memory|No available memory for the cache|less than desired GPU memory|requires more system memory|\bENOMEM\b/i,
    what: 'out of memory',
    next: 'use a smaller model or context, or free memory',
    kind: 'passing',
    late: true,
  },
  {
    cause: 'library_missing',
    text: /error while loading shared libraries|cannot open shared object file|Library not loaded|GLIBC(?:XX)?_[\d.]+' not found|DLL load failed/,
    what: 'a library that it needs is missing',
    next: 'install the library, or a build of the program for this system',
    kind: 'lasting',
  },
  {
    cause: 'module_missing',
    text: /ModuleNotFoundError|No module named|ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND|Cannot find (?:module|package)/,
    what: 'a module that it imports is missing',
    next: 'install the module for the interpreter that `run` names (is it that of the right environment?)',
    kind: 'lasting',
  },
  {
    cause: 'gpu',
    text: /CUDA error|ROCm error|hipError|VK_ERROR_|cudaError|CUDA_ERROR_|NCCL error|Failed to infer device type/,
    what: 'the GPU or its driver failed',
    next: 'look at the driver (`nvidia-smi` or `rocm-smi`), or use the processor',
    kind: 'passing',
    late: true,
  },
  {
    cause: 'file_missing',
    text: /no such file or directory|\bENOENT\b|FileNotFoundError|file (?:was )?not found|(?:file|folder|directory|path) .{0,200}does not exist|is not a local folder|can't open file/i,
    what: 'a file is missing',
    next: 'look at the paths of its command and its `cwd`',
    kind: 'lasting',
  },
  {
    cause: 'permission',
    text: /permission denied|\bEACCES\b|\bEPERM\b|Operation not permitted|PermissionError/i,
    what: 'it may not do what it wants to',
    next: 'look at who owns the file or device, and who greenroom runs as',
    kind: 'lasting',
  },
  {
    cause: 'model_broken',
    text: /(?:invalid|bad|wrong) magic|unknown model architecture|error loading model|failed to load model|failed to initialize whisper context|invalid model|corrupted or incomplete|not within the file bounds|SafetensorError|Error while deserializing header|unsupported model/i,
    what: 'its model cannot be used',
    next: 'load the file of the model again, or use one that this program knows',
    kind: 'lasting',
  },
  {
    cause: 'program_missing',
    text: /: command not found$|(?:^|: )exec: .{1,200}: not found$|^(?:\/bin\/)?sh: .{1,200}: not found$/,
    what: 'a program that it starts is missing',
    next: 'install it, or name it by its whole path',
    kind: 'lasting',
  },
  {
    cause: 'gpu',
    text: /no CUDA-capable device|No CUDA GPUs|NVIDIA driver|CUDA driver|failed to initialize (?:CUDA|Vulkan|Metal)/,
    what: 'the GPU or its driver failed',
    next: 'look at the driver (`nvidia-smi` or `rocm-smi`), or use the processor',
    kind: 'passing',
  },
  {
    cause: 'bad_flag',
    text: /unrecognized (?:arguments?|options?)|unknown (?:argument|option|flag|parameter)|invalid (?:argument|option):|unexpected argument|no such option|bad option|invalid choice|expected (?:one|\d+) arguments?|arguments are required|^usage:/i,
    what: 'it does not understand its arguments',
    next: 'compare its arguments with what its `--help` says',
    kind: 'lasting',
  },
];

/** Of signals by which a program ends itself, however unwillingly. */
const crashes: Readonly<Record<string, string>> = {
  SIGSEGV: 'it crashed (SIGSEGV)',
  SIGABRT: 'it gave up (SIGABRT)',
  SIGBUS: 'it read what is not there any more (SIGBUS): has the file of its model become shorter?',
  SIGILL: 'it was built for another processor (SIGILL)',
  SIGFPE: 'it crashed (SIGFPE)',
  SIGTRAP: 'it crashed (SIGTRAP)',
  SIGSYS: 'it was not allowed a system call (SIGSYS)',
};

const signalNumbers: Readonly<Record<number, string>> = {
  ...{ 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 7: 'SIGBUS', 8: 'SIGFPE', 9: 'SIGKILL', 11: 'SIGSEGV' },
  ...{ 31: 'SIGSYS' },
};

const quotedCharsMax = 200;

/** Undefined where nobody knows. Of one that we did not end. */
export function diagnose(end: End): Diagnosis | undefined {
  const said = ofLines(end);
  if (said) return said;
  // A shell says by a code what became of its child.
  const signal = end.signal ?? signalNumbers[(end.code ?? 0) - 128];
  const crash = signal === undefined ? undefined : crashes[signal];
  if (crash !== undefined)
    return {
      ...{ cause: 'crash', what: crash, kind: 'passing' },
      next: 'its own log may say more; try another build or version of it',
    };
  if (signal === 'SIGKILL')
    return {
      ...{ cause: 'killed', what: 'the KILL came from outside (out of memory?)', kind: 'passing' },
      next: 'look at what the kernel says (`journalctl -k`), and use a smaller model or context',
    };
  if (end.code === 0 && end.stage === 'starting')
    return {
      ...{ cause: 'ended', what: 'it ended by itself, without an error', kind: 'passing' },
      next: 'it has to stay in the foreground for as long as it serves',
    };
  return undefined;
}

function ofLines({ lines, code, signal, stage }: End): Diagnosis | undefined {
  if (code === 0 && signal === null) return undefined;
  const known = stage === 'ready' ? patterns.filter(({ late }) => late) : patterns;
  for (const { cause, text, what, next, kind } of known) {
    const matching = lines.filter((candidate) => text.test(candidate));
    // Node writes the properties of an error below its message.
    const line =
      matching.findLast((candidate) => !/^\s*(?:code|errno|syscall): /.test(candidate)) ?? matching[0];
    if (line === undefined) continue;
    const quoted = oneLine(line).slice(0, quotedCharsMax);
    // One that was ready can be it again.
    return { cause, what: `${what} (${quoted})`, next, kind: stage === 'ready' ? 'passing' : kind };
  }
  return undefined;
}

/** Of a failure that says itself what it is. */
export function causeOf({ cause, code }: Pick<EngineFailure, 'cause' | 'code'>): FailureCause | null {
  if (cause) return cause;
  if (code === 'engine_stalled') return 'stall';
  if (code === 'engine_port_taken') return 'port_in_use';
  return code === 'engine_program_missing' ? 'program_missing' : null;
}
