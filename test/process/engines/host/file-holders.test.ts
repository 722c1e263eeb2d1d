// Who has a file: open, mapped, or both; by whatever name.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { fileHolders } from '../../../../src/engines/host/file-holders.ts';
import { macFileHolders } from '../../../../src/engines/host/mac.ts';
import { canRun } from '../../../support/command.ts';
import { testFolder } from '../../../support/folder.ts';

/** A process that has the file as it is told, and says so when it has. */
async function having(
  path: string,
  how: 'open' | 'mapped' | 'both',
): Promise<AsyncDisposable & { pid: number }> {
  const script = `
import mmap, os, signal, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
if sys.argv[2] != 'open':
    kept = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
if sys.argv[2] == 'mapped':
    os.close(fd)
    # The mapping keeps a descriptor of its own.
    os.closerange(3, 100)
print('there', flush=True)
signal.pause()
`;
  const child: ChildProcess = spawn('python3', ['-c', script, path, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  if (!child.stdout) throw new Error('it has no output');
  await once(createInterface(child.stdout), 'line');
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

const hasPython = await canRun('python3', '--version');
const hasLsof = await canRun('lsof', '-v');

async function shown(path: string, find = fileHolders): Promise<readonly string[]> {
  const found = await find(path);
  if (found.state === 'unknown') return [found.why];
  return found.holders.map(({ holder, how }) => `${holder.pid} ${how}`).sort();
}

describe.skipIf(!hasPython)('who has a file', () => {
  test('open or mapped is told', async () => {
    await using folder = await testFolder();
    const path = await folder.write('a model.gguf', 'x'.repeat(10_000));
    await using open = await having(path, 'open');
    await using mapped = await having(path, 'mapped');
    await using both = await having(path, 'both');
    const all = [`${open.pid} open`, `${mapped.pid} mapped`, `${both.pid} open and mapped`].sort();
    expect(await shown(path)).toEqual(all);
    await symlink(path, join(folder.path, 'link'));
    expect(await shown(join(folder.path, 'link'))).toEqual(all);
  });

  test('by another name of the same file, or as another file of the same name', async () => {
    await using folder = await testFolder();
    const path = await folder.write('one/x.gguf', 'x'.repeat(10_000));
    const other = await folder.write('two/x.gguf', 'x'.repeat(10_000));
    const hard = join(folder.path, 'hard.bin');
    await link(path, hard);
    await using holder = await having(hard, 'open');
    await using _ = await having(other, 'both');
    expect(await shown(path)).toEqual([`${holder.pid} open`]);
  });

  test('that was replaced since is not the one that is there now', async () => {
    await using folder = await testFolder();
    const path = await folder.write('x.gguf', 'x'.repeat(10_000));
    await using _ = await having(path, 'both');
    await rename(await folder.write('next', 'y'), path);
    expect(await shown(path)).toEqual([]);
  });
});

test.skipIf(!hasPython || !hasLsof)('who has a file is told by lsof as well, as on macOS', async () => {
  await using folder = await testFolder();
  const path = await folder.write('a model.gguf', 'x'.repeat(10_000));
  await using open = await having(path, 'open');
  await using mapped = await having(path, 'mapped');
  const all = [`${open.pid} open`, `${mapped.pid} mapped`].sort();
  expect(await shown(path, macFileHolders)).toEqual(all);
});

test('a file that is not there is held by nobody', async () => {
  expect(await fileHolders('/no/such/file')).toEqual({ state: 'known', holders: [], hidden: 0 });
});
