// A real terminal around the built bin: what a person sees and types.

import { stripVTControlCharacters } from 'node:util';
import { type IPty, spawn } from '@lydell/node-pty';
import { type TestFolder, testFolder } from './folder.ts';
import { bin } from './gateway-process.ts';
import { until } from './poll.ts';

export class Terminal implements AsyncDisposable {
  readonly pty: IPty;
  readonly folder: TestFolder;
  readonly exited: Promise<{ readonly exitCode: number; readonly signal: number | undefined }>;
  #raw = '';

  private constructor(pty: IPty, folder: TestFolder) {
    this.pty = pty;
    this.folder = folder;
    pty.onData((chunk) => {
      this.#raw += chunk;
    });
    this.exited = new Promise((resolve) =>
      pty.onExit(({ exitCode, signal }) => resolve({ exitCode, signal })),
    );
  }

  static up(args: readonly string[] = []): Promise<Terminal> {
    return Terminal.run([
      ...[process.execPath, bin, 'up', '--listen', '127.0.0.1:0', '--no-discover', ...args],
    ]);
  }

  /** Any command. */
  static async run(
    [program = '', ...args]: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Terminal> {
    const folder = await testFolder();
    const options = {
      cols: 100,
      rows: 30,
      cwd: folder.path,
      env: { ...process.env, TERM: 'xterm-256color', ...env },
    };
    return new Terminal(spawn(program, args, options), folder);
  }

  /** The same, with them: what is on the last line is what was drawn last. */
  get raw(): string {
    return this.#raw;
  }

  /** Everything that was ever written, without control sequences. */
  get text(): string {
    return stripVTControlCharacters(this.#raw);
  }

  shows(text: string, timeoutMs = 15_000): Promise<boolean> {
    // What there is when time is up, not now.
    const there = () => this.text;
    return until(() => this.text.includes(text), {
      timeoutMs,
      get what() {
        return `"${text}" on the terminal (there is: ${there()})`;
      },
    });
  }

  /** The terminal is gone: SIGHUP comes, and nothing can be written or set any more. */
  closeWindow(): void {
    (this.pty as IPty & { destroy(): void }).destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.pty.kill('SIGKILL');
    } catch {
      // It has ended by itself.
    }
    await this.exited;
    await this.folder[Symbol.asyncDispose]();
  }
}
