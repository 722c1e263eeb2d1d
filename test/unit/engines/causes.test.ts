import { describe, expect, test } from 'vitest';
import { causeOf, diagnose, type End, type FailureCause } from '../../../src/engines/causes.ts';

const end = (changes: Partial<End>): End => ({
  ...{ code: 1, signal: null, lines: [], stage: 'starting' },
  ...changes,
});

/** As programs in use write them. */
const lines: readonly [FailureCause, 'lasting' | 'passing', ...string[]][] = [
  ['port_in_use', 'passing', "couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 8080"],
  ['port_in_use', 'passing', "couldn't bind to server socket: hostname=127.0.0.1 port=8080"],
  ['port_in_use', 'passing', 'OSError: [Errno 98] Address already in use'],
  ['port_in_use', 'passing', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:8080'],
  ['port_in_use', 'passing', 'Error: listen tcp 127.0.0.1:11434: bind: address already in use'],
  [
    'out_of_memory',
    'passing',
    'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4000 MiB on device 0: cudaMalloc failed: out of memory',
    'llama_model_load: error loading model: unable to allocate CUDA0 buffer',
    "srv    load_model: failed to load model, 'm.gguf'",
  ],
  ['out_of_memory', 'passing', 'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB'],
  ['out_of_memory', 'passing', 'FATAL ERROR: Reached heap limit - JavaScript heap out of memory'],
  ['out_of_memory', 'passing', 'MemoryError'],
  ['out_of_memory', 'passing', 'terminate called after throwing an instance of', '  what():  std::bad_alloc'],
  [
    'out_of_memory',
    'passing',
    'ValueError: Free memory on device (3.1/15 GiB) is less than desired GPU memory utilization (0.9, 13 GiB).',
  ],
  [
    'out_of_memory',
    'passing',
    'ggml_vulkan: Device memory allocation failed: ErrorOutOfDeviceMemory OUT_OF_DEVICE_MEMORY',
  ],
  [
    'library_missing',
    'lasting',
    'llama-server: error while loading shared libraries: libcudart.so.12: cannot open shared object file: No such file or directory',
  ],
  ['library_missing', 'lasting', "./x: /lib/libc.so.6: version `GLIBC_2.38' not found (required by ./x)"],
  [
    'module_missing',
    'lasting',
    'Traceback (most recent call last):',
    "ModuleNotFoundError: No module named 'vllm'",
  ],
  ['module_missing', 'lasting', '/usr/bin/python3: No module named sglang'],
  ['module_missing', 'lasting', "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /a.mjs"],
  ['module_missing', 'lasting', "Error: Cannot find module '/a/b.js'", "  code: 'MODULE_NOT_FOUND',"],
  ['gpu', 'passing', 'CUDA error: an illegal memory access was encountered'],
  ['gpu', 'passing', 'RuntimeError: Found no NVIDIA driver on your system.'],
  ['gpu', 'passing', 'RuntimeError: No CUDA GPUs are available'],
  ['gpu', 'passing', 'RuntimeError: Failed to infer device type'],
  [
    'file_missing',
    'lasting',
    "gguf_init_from_file: failed to open GGUF file 'x.gguf' (No such file or directory)",
  ],
  ['file_missing', 'lasting', "FileNotFoundError: [Errno 2] No such file or directory: 'config.json'"],
  ['file_missing', 'lasting', "python3: can't open file '/a/engine.py': [Errno 2] No such file or directory"],
  ['file_missing', 'lasting', 'OSError: nobody/x is not a local folder and is not a valid model identifier'],
  ['permission', 'lasting', "PermissionError: [Errno 13] Permission denied: '/dev/kfd'"],
  ['permission', 'lasting', 'Error: EACCES: open /x'],
  ['model_broken', 'lasting', "gguf_init_from_file_impl: invalid magic characters: 'PK', expected 'GGUF'"],
  ['model_broken', 'lasting', "llama_model_load: error loading model: unknown model architecture: 'x'"],
  [
    'model_broken',
    'lasting',
    "tensor 'output.weight' data is not within the file bounds, model is corrupted or incomplete",
  ],
  ['model_broken', 'lasting', 'error: failed to initialize whisper context'],
  [
    'model_broken',
    'lasting',
    'ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected',
    'llama_model_load: error loading model: tokenizer is broken',
  ],
  ['program_missing', 'lasting', '/bin/sh: 1: llama-server: not found'],
  ['program_missing', 'lasting', 'run.sh: line 3: vllm: command not found'],
  ['bad_flag', 'lasting', 'error: invalid argument: --foo'],
  [
    'bad_flag',
    'lasting',
    'usage: engine.py [-h] [--port PORT]',
    'engine.py: error: unrecognized arguments: --foo',
  ],
  ['bad_flag', 'lasting', 'error: unknown argument: --foo'],
  ['bad_flag', 'lasting', "error: unexpected argument '--foo' found"],
  ['bad_flag', 'lasting', 'node: bad option: --foo'],
  ['bad_flag', 'lasting', 'vllm serve: error: the following arguments are required: model_tag'],
];

describe('why a program has ended', () => {
  test.each(lines)('%s (%s): %s', (cause, kind, ...said) => {
    const found = diagnose(end({ lines: ['loading', ...said, 'goodbye'] }));
    expect(found).toMatchObject({ cause, kind });
    // With the very line that says it, and something to do.
    expect(said.some((line) => found?.what.includes(line.trim().slice(0, 200)))).toBe(true);
    expect(found?.next.length).toBeGreaterThan(20);
  });

  test.each<[Partial<End>, FailureCause | undefined, string]>([
    [{ code: null, signal: 'SIGSEGV' }, 'crash', 'it crashed (SIGSEGV)'],
    [{ code: 139 }, 'crash', 'it crashed (SIGSEGV)'],
    [{ code: null, signal: 'SIGABRT' }, 'crash', 'it gave up (SIGABRT)'],
    [{ code: null, signal: 'SIGILL' }, 'crash', 'it was built for another processor (SIGILL)'],
    [{ code: null, signal: 'SIGBUS' }, 'crash', 'it read what is not there any more (SIGBUS)'],
    [{ code: null, signal: 'SIGKILL' }, 'killed', 'the KILL came from outside (out of memory?)'],
    [{ code: 137 }, 'killed', 'the KILL came from outside (out of memory?)'],
    [{ code: 0 }, 'ended', 'it ended by itself, without an error'],
    [{ code: 3, lines: ['cannot load the model, reason 30'] }, undefined, ''],
    [{ code: null, signal: 'SIGTERM' }, undefined, ''],
  ])('%o: %s', (changes, cause, what) => {
    const found = diagnose(end(changes));
    expect(found?.cause).toBe(cause);
    expect(found?.what ?? '').toContain(what);
    if (found) expect(found.kind).toBe('passing');
  });

  test('is what it wrote rather than the signal that followed', () => {
    const abort = end({ code: null, signal: 'SIGABRT', lines: ['cudaMalloc failed: out of memory'] });
    expect(diagnose(abort)).toMatchObject({ cause: 'out_of_memory' });
  });

  test('what one writes while it works is no reason for its end, but for what ends those that work', () => {
    const ready = (line: string, code: number | null = 1) =>
      diagnose(end({ stage: 'ready', lines: [line], code, signal: code === null ? 'SIGKILL' : null }));
    expect(ready('GET /x 404: no such file or directory')).toBeUndefined();
    expect(ready('usage: /help')).toBeUndefined();
    expect(ready('permission denied for user x', null)).toMatchObject({ cause: 'killed' });
    expect(ready('CUDA error: out of memory')).toMatchObject({ cause: 'out_of_memory', kind: 'passing' });
    expect(ready('', 0)).toBeUndefined();
  });

  test('quotes no more than 200 characters of a line', () => {
    const found = diagnose(end({ lines: [`out of memory ${'!'.repeat(2000)}`] }));
    expect(found?.what.length).toBeLessThan(250);
  });

  test('quotes nothing that a terminal would obey', () => {
    const found = diagnose(end({ lines: ['out of memory\u0007\r\u009b2J!'] }));
    expect(found?.what).toBe('out of memory (out of memory !)');
  });

  test('a hostile line takes no time', () => {
    const line = `${'file folder path directory '.repeat(70)} does not exis ${': exec: '.repeat(10)}`;
    const began = performance.now();
    diagnose(end({ lines: Array(20).fill(line) }));
    expect(performance.now() - began).toBeLessThan(200);
  });
});

test('failures that say themselves what they are have a cause as well', () => {
  expect(causeOf({ code: 'engine_stalled' })).toBe('stall');
  expect(causeOf({ code: 'engine_port_taken' })).toBe('port_in_use');
  expect(causeOf({ code: 'engine_program_missing' })).toBe('program_missing');
  expect(causeOf({ code: 'engine_exited', cause: 'gpu' })).toBe('gpu');
  expect(causeOf({ code: 'engine_exited' })).toBeNull();
});
