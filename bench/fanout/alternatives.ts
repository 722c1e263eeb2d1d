// Servers that we compare with and do not depend on: Bun is 100 MB, and has a script that runs at its install. They are
// installed into the folder of the bench, from the registry alone, when they are asked for.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Workbench } from '../workbench.ts';

const versions = { 'socket.io': '4.8.4', bun: '1.4.5' };

export interface Alternatives {
  /** Where Socket.IO can be required from; undefined where it could not be had, and `why`. */
  readonly socketIo: string | undefined;
  /** The program; undefined where it could not be had, and `why`. */
  readonly bun: string | undefined;
  readonly why: string;
}

export async function installAlternatives(bench: Workbench): Promise<Alternatives> {
  const { platform, arch } = process;
  const bun = `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`;
  // Each in a folder of its own: npm takes away what it was not asked for in the same breath.
  const [socketIoFolder, bunFolder] = [join(bench.folder, 'socket.io'), join(bench.folder, 'bun')];
  const noSocketIo = await install(socketIoFolder, `socket.io@${versions['socket.io']}`);
  const noBun = await install(bunFolder, `${bun}@${versions.bun}`);
  return {
    socketIo: noSocketIo === '' ? socketIoFolder : undefined,
    bun: noBun === '' ? join(bunFolder, 'node_modules', bun, 'bin', 'bun') : undefined,
    why: [noSocketIo, noBun].filter((each) => each !== '').join('; '),
  };
}

/** What went wrong; nothing: ''. */
async function install(folder: string, name: string): Promise<string> {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--loglevel=error'];
  const npm = spawn('npm', ['install', ...quiet, '--prefix', folder, name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  npm.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const [code] = await once(npm, 'close').catch((error: Error) => [error.message]);
  return code === 0 ? '' : `${name} could not be installed (${code}): ${said.trim().split('\n')[0] ?? ''}`;
}
