// Runs a WASI command that writes one file, with that file in memory: node:wasi does arguments, clock and exit, and
// the calls about files are answered here. The command sees no directory of this machine, and its standard streams
// never reach ours. Everything belongs to one call; there is nothing to close.

type WasiModule = typeof import('node:wasi');

export interface CommandResult {
  readonly exitCode: number;
  /** What was written to the one file it opened. */
  readonly file: Uint8Array<ArrayBuffer>;
  readonly stderr: string;
}

const errno = { ok: 0, badFile: 8, noSeek: 70 } as const;
const fileTypes = { characterDevice: 2, directory: 3, regularFile: 4 } as const;
/** 0 to 2 are the standard streams. */
const directoryFd = 3;
const fileFd = 4;
const stderrFd = 2;
const stderrCharactersMax = 2000;
const allRights = 0xffff_ffff_ffff_ffffn;

/** Blocks until the command has ended, so that one instance's memory is in use at a time. */
export function runCommand(module: WebAssembly.Module, args: readonly string[]): CommandResult {
  const { WASI } = wasiModule();
  const wasi = new WASI({ version: 'preview1', args: [...args] });
  const files = new MemoryFiles();
  const instance = new WebAssembly.Instance(module, {
    wasi_snapshot_preview1: { ...(wasi.wasiImport as WebAssembly.ModuleImports), ...files.calls() },
  });
  files.memory = instance.exports['memory'] as WebAssembly.Memory;
  const exitCode = wasi.start(instance);
  return { exitCode, file: files.written(), stderr: files.stderr };
}

class MemoryFiles {
  memory: WebAssembly.Memory | undefined;
  stderr = '';
  readonly #chunks: Uint8Array[] = [];

  /** The file calls of WASI preview 1 that a plain `fopen`, `fwrite`, `fclose` makes, in memory. */
  calls(): Record<string, (...args: never[]) => number> {
    return {
      fd_prestat_get: (fd: number, at: number) => {
        if (fd !== directoryFd) return errno.badFile;
        this.#view().setUint8(at, 0);
        this.#view().setUint32(at + 4, '/'.length, true);
        return errno.ok;
      },
      fd_prestat_dir_name: (_fd: number, at: number) => {
        this.#view().setUint8(at, '/'.charCodeAt(0));
        return errno.ok;
      },
      path_open: (...args: number[]) => {
        this.#view().setUint32(args[8] ?? 0, fileFd, true);
        return errno.ok;
      },
      fd_fdstat_get: (fd: number, at: number) => {
        const { characterDevice, directory, regularFile } = fileTypes;
        const type = fd === fileFd ? regularFile : fd === directoryFd ? directory : characterDevice;
        this.#view().setUint8(at, type);
        this.#view().setUint16(at + 2, 0, true);
        this.#view().setBigUint64(at + 8, allRights, true);
        this.#view().setBigUint64(at + 16, allRights, true);
        return errno.ok;
      },
      fd_fdstat_set_flags: () => errno.ok,
      fd_read: () => errno.badFile,
      // The file is written from start to end, like a pipe.
      fd_seek: () => errno.noSeek,
      fd_write: (fd: number, buffersAt: number, buffers: number, writtenAt: number) =>
        this.#write(fd, buffersAt, buffers, writtenAt),
      fd_close: () => errno.ok,
    };
  }

  written(): Uint8Array<ArrayBuffer> {
    const file = new Uint8Array(this.#chunks.reduce((total, chunk) => total + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      file.set(chunk, at);
      at += chunk.length;
    }
    return file;
  }

  #write(fd: number, buffersAt: number, buffers: number, writtenAt: number): number {
    const view = this.#view();
    let written = 0;
    for (let index = 0; index < buffers; index++) {
      const [at, length] = [
        view.getUint32(buffersAt + index * 8, true),
        view.getUint32(buffersAt + index * 8 + 4, true),
      ];
      // A copy: the memory moves on.
      const chunk = new Uint8Array(view.buffer, at, length).slice();
      if (fd === fileFd) this.#chunks.push(chunk);
      if (fd === stderrFd)
        this.stderr = (this.stderr + new TextDecoder().decode(chunk)).slice(-stderrCharactersMax);
      written += length;
    }
    view.setUint32(writtenAt, written, true);
    return errno.ok;
  }

  /** Anew each time: a memory that grows gets another buffer. */
  #view(): DataView {
    if (!this.memory) throw new Error('a WASI command made a system call before it was started');
    return new DataView(this.memory.buffer);
  }
}

/**
 * Node says once per thread, on the user's terminal, that its WASI is experimental. We know; the warning is held
 * back while the module loads, which is synchronous, so that no other warning can be lost.
 */
function wasiModule(): WasiModule {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:wasi');
  } finally {
    process.emitWarning = emitWarning;
  }
}
