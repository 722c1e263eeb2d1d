// The console's files as the build has left them: found by their names in its list, never by a path. Read when somebody
// first asks for one, and kept: they are some hundred KiB. Nothing to close.
import { readFile } from 'node:fs/promises';
import { GreenroomError } from '../../lifecycle/errors.ts';

export interface ConsoleFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** `immutable`: its name changes with its content. */
  readonly kept: 'immutable' | 'asked';
}

/** As `manifest.json` has it. */
interface Listed {
  readonly type: string;
  readonly kept: ConsoleFile['kept'];
}

/** The page itself. */
export const consolePage = 'index.html';

const here = import.meta.url;
/** Beside the bundle in what users get; in dist/ when the sources run as they are. */
const shipped = new URL(
  here.endsWith('.ts') ? '../../../dist/console/' : here.includes('/chunks/') ? '../console/' : './console/',
  here,
);

export class ConsoleFiles {
  readonly #folder: URL;
  readonly #read = new Map<string, Promise<ConsoleFile>>();
  #listed: Promise<ReadonlyMap<string, Listed>> | undefined;

  /** @param folder ends with a slash; default: what was built */
  constructor(folder: URL = shipped) {
    this.#folder = folder;
  }

  /** Throws `not_found` for a name that is not in the list. */
  async find(name: string): Promise<ConsoleFile> {
    this.#listed ??= this.#list();
    const listed = (await this.#listed).get(name);
    if (!listed)
      throw new GreenroomError(
        'not_found',
        `the console has no file ${JSON.stringify(name.slice(0, 80))}; reload /console`,
      );
    const known = this.#read.get(name) ?? this.#load(name, listed);
    this.#read.set(name, known);
    return known;
  }

  async #list(): Promise<ReadonlyMap<string, Listed>> {
    try {
      const text = await readFile(new URL('manifest.json', this.#folder), 'utf8');
      return new Map(Object.entries(JSON.parse(text) as Record<string, Listed>));
    } catch (cause) {
      this.#listed = undefined;
      const message = `the console is not part of this installation (${this.#folder.pathname}): run \`npm run build\``;
      throw new GreenroomError('not_found', message, { cause });
    }
  }

  async #load(name: string, { type, kept }: Listed): Promise<ConsoleFile> {
    return { bytes: new Uint8Array(await readFile(new URL(name, this.#folder))), type, kept };
  }
}
