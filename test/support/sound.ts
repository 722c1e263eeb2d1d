// A machine with a microphone and a loudspeaker, as far as `talk` sees it: programs called `arecord` and `aplay` on the
// PATH, which keep a log of what happens to them.
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestFolder } from './folder.ts';
import { fixture } from './gateway-process.ts';
import { until } from './poll.ts';
import { alive } from './processes.ts';

export class SoundMachine {
  readonly #folder: TestFolder;

  private constructor(folder: TestFolder) {
    this.#folder = folder;
  }

  static async in(folder: TestFolder): Promise<SoundMachine> {
    for (const [name, file] of [
      ['arecord', 'recorder'],
      ['aplay', 'player'],
    ]) {
      const script = `#!/bin/sh\nexec "${process.execPath}" "${fixture(`sound/${file}.mjs`)}" "$@"\n`;
      await chmod(await folder.write(`bin/${name}`, script), 0o755);
    }
    await folder.write('sound.log', '');
    return new SoundMachine(folder);
  }

  /** For `talk`. Nothing else is on the PATH than these two and a shell. */
  get env(): Readonly<Record<string, string>> {
    return {
      PATH: `${join(this.#folder.path, 'bin')}:/bin`,
      FAKE_LOG: join(this.#folder.path, 'sound.log'),
      FAKE_PLAYED: join(this.#folder.path, 'played.raw'),
      FAKE_GO: join(this.#folder.path, 'go'),
      // What nobody handles ends the process, loudly.
      NODE_OPTIONS: '--unhandled-rejections=strict',
    };
  }

  /** The microphone, silent until then, hears what it was given. */
  async go(): Promise<void> {
    await this.#folder.write('go', '');
  }

  async log(): Promise<readonly string[]> {
    return (await readFile(join(this.#folder.path, 'sound.log'), 'utf8')).split('\n').filter(Boolean);
  }

  /** Of everything that was ever started. */
  async pids(): Promise<readonly number[]> {
    return (await this.log()).flatMap((line) => {
      const [, pid] = / began (\d+) /.exec(line) ?? [];
      return pid === undefined ? [] : [Number(pid)];
    });
  }

  began(name: 'recorder' | 'player', times = 1): Promise<boolean> {
    const lines = async () => (await this.log()).filter((line) => line.startsWith(`${name} began`));
    return until(async () => (await lines()).length >= times, {
      timeoutMs: 20_000,
      what: `${name} to begin`,
    });
  }

  /** Nothing is left of it, now. */
  async left(): Promise<readonly number[]> {
    return (await this.pids()).filter(alive);
  }
}
