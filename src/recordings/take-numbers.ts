// The highest number that each session's takes have had, also of those that were removed: no number is ever used again,
// whatever becomes of takes, sessions and gateways. What the folders do not show is in a file beside them, a line each.
// Blocks, and is for the recordings' thread alone.
import { join } from 'node:path';
import { errnoOf } from './folders.ts';
import { type TakeName, takeName } from './names.ts';
import { OwnFile } from './own-file.ts';

/** In the folder of all recordings; a session's name never begins so. */
const numbersFile = '.take-numbers';

const pieceBytes = 1024 * 1024;

export class TakeNumbers {
  readonly #path: string;
  readonly #highest = new Map<string, number>();
  /** Those that are in the file. */
  readonly #written = new Map<string, number>();

  constructor(root: string) {
    this.#path = join(root, numbersFile);
  }

  /** What earlier gateways wrote down. Throws what the disk says. */
  read(): void {
    let file: OwnFile;
    try {
      file = OwnFile.open(this.#path);
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return;
      throw thrown;
    }
    try {
      let rest = '';
      for (let at = 0; at < file.bytes; at += pieceBytes) {
        const lines = (rest + file.read(at, pieceBytes).toString('latin1')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#line(line);
      }
    } finally {
      file.close();
    }
  }

  /** It is there. */
  seen({ session, take }: TakeName): void {
    this.#highest.set(session, Math.max(take, this.#highest.get(session) ?? 0));
  }

  /** For a new take: the one that is wished, or the first after all that were. */
  next({ session, take }: TakeName): TakeName {
    return { session, take: Math.max(take, (this.#highest.get(session) ?? 0) + 1) };
  }

  /** Of a take that is removed. Throws what the disk says. */
  keep(name: TakeName): void {
    this.seen(name);
    const highest = this.#highest.get(name.session) ?? name.take;
    if ((this.#written.get(name.session) ?? 0) >= highest) return;
    const file = this.#open();
    try {
      // A line that was cut is ended, and says nothing.
      file.append(Buffer.from(`${file.bytes === 0 ? '' : '\n'}${name.session} ${highest}\n`));
    } finally {
      file.close();
    }
    this.#written.set(name.session, highest);
  }

  #open(): OwnFile {
    try {
      return OwnFile.open(this.#path);
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOENT') throw thrown;
      return OwnFile.make(this.#path);
    }
  }

  #line(line: string): void {
    const [session = '', take = ''] = line.split(' ');
    const name = takeName(session, take);
    if (!name) return;
    this.seen(name);
    this.#written.set(session, Math.max(name.take, this.#written.get(session) ?? 0));
  }
}
