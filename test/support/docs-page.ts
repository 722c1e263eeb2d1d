// A page of docs/, run as a reader would: in a folder of its own, its files written, its gateways started, its commands
// and programs run one after the other. What a block is, the words behind its language say:
//
//     sh test       run with `sh -e`: has to end with 0        js test       the same, as a module
//     text output   its lines are in what the block before wrote, digits aside
//     sh gateway    runs until the page ends                   LANG file=X   is written
//     yaml config   a configuration that is taken              LANG not-run  what no test can run
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.ts';
import { type TestFolder, testFolder } from './folder.ts';
import { bin } from './gateway-process.ts';
import { until } from './poll.ts';

export interface Block {
  readonly language: string;
  /** `test`, `output`, `gateway`, `config`, `not-run`, `file=NAME`; empty: for reading. */
  readonly marker: string;
  readonly text: string;
  readonly line: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
export const docsFolder = join(root, 'docs');
/** Where a page wants a key of yours. */
const secrets = ['OPENAI_API_KEY', 'REMOTE_KEY', 'GREENROOM_TOKEN', 'GREENROOM_ADMIN_TOKEN'];
const env = Object.fromEntries(secrets.map((name) => [name, `${name}-of-a-test`]));

export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(docsFolder, page), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', marker = '', code = ''], index, all) => ({
      ...{ language, marker, text: code },
      line: text.slice(0, all[index]?.index).split('\n').length,
    }),
  );
}

/** Throws what did not work, with its line. */
export async function runPage(page: string): Promise<void> {
  await using stage = await PageStage.open();
  for (const block of blocksOf(page)) {
    try {
      await stage.run(block);
    } catch (error) {
      throw new Error(`docs/${page}:${block.line}: ${(error as Error).message}`, { cause: error });
    }
  }
}

class PageStage implements AsyncDisposable {
  readonly #folder: TestFolder;
  readonly #ports: readonly number[];
  readonly #gateways: ChildProcess[] = [];
  #said = '';

  private constructor(folder: TestFolder, ports: readonly number[]) {
    this.#folder = folder;
    this.#ports = ports;
  }

  static async open(): Promise<PageStage> {
    const folder = await testFolder();
    const ports = [await freePort(), await freePort()];
    // `npx greenroom`, as it is found where the package is installed; no other engines of this machine, and a port of the test.
    const npx = await folder.write(
      'bin/npx',
      [
        '#!/bin/sh',
        'shift',
        'if [ "$1" = up ]; then set -- "$@" --listen "$DOCS_LISTEN" --no-discover; fi',
        `exec "${process.execPath}" "${bin}" "$@"`,
      ].join('\n'),
    );
    await chmod(npx, 0o755);
    await mkdir(join(folder.path, 'node_modules'));
    await symlink(root, join(folder.path, 'node_modules', 'greenroom'));
    return new PageStage(folder, ports);
  }

  async run({ language, marker, text: given }: Block): Promise<void> {
    const text = given.replaceAll('127.0.0.1:7460', this.#at(0)).replaceAll('127.0.0.1:7461', this.#at(1));
    if (marker.startsWith('file=')) {
      const file = await this.#folder.write(marker.slice('file='.length), text);
      if (language === 'yaml') await this.#takes(file);
    } else if (marker === 'config') await this.#takes(await this.#folder.write('shown.yaml', text));
    else if (marker === 'gateway') await this.#start(text);
    else if (marker === 'output') this.#expect(text);
    else if (marker === 'test' && language === 'sh')
      this.#said = await this.#command('sh', ['-e', '-c', text]);
    else if (marker === 'test') {
      const file = await this.#folder.write('program.mjs', text);
      this.#said = await this.#command(process.execPath, [file]);
    } else if (marker !== 'not-run' && marker !== '') throw new Error(`no such mark: ${marker}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.#gateways) {
      const gone = gateway.exitCode !== null || gateway.signalCode !== null;
      const exited = gone ? undefined : once(gateway, 'exit');
      if (!gone && gateway.pid) process.kill(-gateway.pid, 'SIGTERM');
      await exited;
    }
    await this.#folder[Symbol.asyncDispose]();
  }

  #at(index: number): string {
    return `127.0.0.1:${this.#ports[index]}`;
  }

  get #env(): NodeJS.ProcessEnv {
    const path = [join(this.#folder.path, 'bin'), dirname(process.execPath), process.env['PATH']].join(':');
    return { ...process.env, ...env, PATH: path };
  }

  async #takes(file: string): Promise<void> {
    await loadConfig({ file, env, cwd: this.#folder.path });
  }

  /** The first one listens where the page says, the second at the port after it. */
  async #start(text: string): Promise<void> {
    const listen = this.#at(this.#gateways.length);
    const gateway = spawn('sh', ['-c', text], {
      ...{ cwd: this.#folder.path, env: { ...this.#env, DOCS_LISTEN: listen } },
      ...{ detached: true, stdio: 'ignore' },
    });
    this.#gateways.push(gateway);
    const open = () => fetch(`http://${listen}/healthz`).then(({ ok }) => ok);
    await until(open, { timeoutMs: 20_000, what: `the door of ${text.trim()}` });
  }

  #command(program: string, args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { cwd: this.#folder.path, env: this.#env, timeout: 50_000 };
      const child = execFile(program, [...args], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
        else resolve(stdout);
      });
      child.stdin?.end();
    });
  }

  #expect(text: string): void {
    const masked = (line: string) => line.replaceAll(/\d+(?:\.\d+)?/g, '#');
    const said = masked(this.#said);
    for (const line of text.split('\n').filter(Boolean))
      if (!said.includes(masked(line))) throw new Error(`${line} was not said, but:\n${this.#said}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
}
