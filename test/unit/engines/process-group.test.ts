// A process group whose program cannot be started, as the system tells it.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type ProcessEnd, ProcessGroup } from '../../../src/engines/process-group.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const { error: tooMany } = {
  error: Object.assign(new Error('spawn node EMFILE'), { code: 'EMFILE' }),
};

async function endOf(
  open: () => ChildProcess,
): Promise<{ end: ProcessEnd; told: string[]; group: ProcessGroup }> {
  const told: string[] = [];
  const ended = Promise.withResolvers<ProcessEnd>();
  const group = new ProcessGroup({
    ...{ open, marker: 'a', clock: new VirtualClock(), onOutput: () => undefined },
    reaper: {
      expect: (marker) => told.push(`+ ${marker}`),
      add: (marker, pgid) => told.push(`+ ${marker} ${pgid}`),
      remove: (marker) => told.push(`- ${marker}`),
      deadline: () => undefined,
      killGroups: () => [],
      close: () => Promise.resolve(),
    },
    onEnd: ended.resolve,
  });
  return { end: await ended.promise, told, group };
}

describe('a program that cannot be started', () => {
  test('without files left: a child without pid and pipes', async () => {
    const { end, told, group } = await endOf(() => {
      const child = new EventEmitter();
      process.nextTick(() => child.emit('error', tooMany));
      return child as ChildProcess;
    });
    expect(end).toEqual({ state: 'unstarted', error: tooMany });
    expect({ told, pid: group.pid, child: group.child }).toEqual({
      told: ['+ a', '- a'],
      ...{ pid: null, child: undefined },
    });
    group.signal('SIGKILL');
  });

  test('because spawn throws', async () => {
    const { end, told } = await endOf(() => {
      throw tooMany;
    });
    expect({ end, told }).toEqual({ end: { state: 'unstarted', error: tooMany }, told: ['+ a', '- a'] });
  });

  test('because it is not there: its pipes are closed', async () => {
    let child: ChildProcess | undefined;
    const { end } = await endOf(() => {
      child = spawn('/no/such/program', { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
      return child;
    });
    expect(end).toMatchObject({ state: 'unstarted', error: { code: 'ENOENT' } });
    const pipe = child?.stdio[3];
    if (pipe && !pipe.destroyed) await once(pipe, 'close');
  });
});
