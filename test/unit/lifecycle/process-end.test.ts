import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

type Manner = 'clean' | 'slow' | 'stuck' | 'holds' | 'waits' | 'mute';
type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

interface Leaver extends AsyncDisposable {
  /** Resolves when it has said the line. */
  said(line: string): Promise<void>;
  tell(command: string): void;
  signal(name: Signal): void;
  /** Nobody reads what it says any more. */
  stopReading(): void;
  /** Whoever reads what it says takes no more, and stays. */
  stallReading(): void;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly by: string | null;
    readonly stderr: string;
  }>;
}

async function leaver(manner: Manner, totalMs = 3000): Promise<Leaver> {
  const program = fileURLToPath(new URL('../../fixtures/lifecycle/leaver.ts', import.meta.url));
  const child = spawn(process.execPath, [program, manner, String(totalMs)], { stdio: 'pipe' });
  const heard = new Set<string>();
  const waiting = new Map<string, () => void>();
  createInterface(child.stdout).on('line', (line) => {
    heard.add(line);
    waiting.get(line)?.();
  });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const stderr = text(child.stderr).catch(() => '');
  const ended = Promise.all([exited, stderr]).then(([[code, by], said]) => ({ code, by, stderr: said }));
  const it: Leaver = {
    ended,
    said: async (line) => {
      const saying = new Promise<void>((resolve) => waiting.set(line, resolve));
      const gone = ended.then((end) => {
        if (!heard.has(line)) throw new Error(`ended without saying "${line}": ${JSON.stringify(end)}`);
      });
      if (!heard.has(line)) await Promise.race([saying, gone]);
    },
    tell: (command) => void child.stdin.write(`${command}\n`),
    signal: (name) => void child.kill(name),
    stopReading: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    stallReading: () => void child.stdout.pause(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
  await it.said('ready');
  return it;
}

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s takes the one way out, and exits 0',
    async (name) => {
      await using it = await leaver('clean');
      it.signal(name);
      await it.said(`report ${name} 0`);
      expect(await it.ended).toEqual({ code: 0, by: null, stderr: '' });
    },
  );

  test('that comes twice at once, as wrappers deliver it, is one', async () => {
    await using it = await leaver('slow');
    it.signal('SIGINT');
    await it.said('stage');
    it.signal('SIGINT');
    it.signal('SIGTERM');
    expect(await it.ended).toEqual({ code: 0, by: null, stderr: '' });
  });

  test('that comes again after half a second forces: names what is open, kills, exits 3', async () => {
    await using it = await leaver('stuck', 60_000);
    it.signal('SIGINT');
    await it.said('half a second later');
    it.signal('SIGINT');
    const { code, by, stderr } = await it.ended;
    expect([code, by]).toEqual([3, null]);
    expect(stderr).toMatch(/^forced exit \(asked again, stopping\): still open: gateway\/thing, .*Timeout/);
    expect(stderr).toContain('killed: process group 7');
  });
});

describe('a fatal error', () => {
  test.each([
    ['throw', 'uncaught exception'],
    ['reject', 'unhandled rejection'],
  ] as const)('(%s) is told with its stack, takes the one way out, and exits 1', async (command, kind) => {
    await using it = await leaver('clean');
    it.tell(command);
    await it.said('report fatal_error 1');
    const { code, stderr } = await it.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^fatal: ${kind}: Error: boom\\n +at `));
  });

  test('on the way out makes a clean end a fault', async () => {
    await using it = await leaver('slow');
    it.signal('SIGTERM');
    await it.said('stage');
    it.tell('throw');
    await it.said('report SIGTERM 1');
    expect((await it.ended).code).toBe(1);
  });

  test('after the report still shows in the exit code', async () => {
    await using it = await leaver('holds');
    it.signal('SIGTERM');
    await it.said('report SIGTERM 0');
    it.tell('reject');
    it.tell('drop');
    expect((await it.ended).code).toBe(1);
  });
});

describe('an end that nobody asked for never looks like success', () => {
  test('when the loop empties while it should run', async () => {
    await using it = await leaver('clean');
    it.tell('drop');
    expect((await it.ended).code).toBe(1);
  });

  test('when something ends the process while it runs', async () => {
    await using it = await leaver('clean');
    it.tell('exit');
    expect((await it.ended).code).toBe(1);
  });

  test('when something ends the process before there is a report', async () => {
    await using it = await leaver('stuck');
    it.signal('SIGTERM');
    await it.said('stage');
    it.tell('exit');
    expect((await it.ended).code).toBe(3);
  });
});

describe('the watchdog', () => {
  test('ends a process that is still there after its report', async () => {
    await using it = await leaver('holds', 300);
    it.signal('SIGTERM');
    await it.said('report SIGTERM 0');
    const { code, stderr } = await it.ended;
    expect(code).toBe(3);
    expect(stderr).toContain('forced exit (time is up, stopped): still open: gateway/thing');
  });

  test('ends it even when what is left cannot be told', async () => {
    await using it = await leaver('mute', 300);
    it.signal('SIGTERM');
    expect(await it.ended).toEqual({ code: 3, by: null, stderr: '' });
  });

  test('holds up no process that has nothing left', async () => {
    await using it = await leaver('clean', 60_000);
    const began = performance.now();
    it.signal('SIGTERM');
    expect((await it.ended).code).toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe('readers that leave', () => {
  test('are no fault: the process lives on, and leaves cleanly when it is asked', async () => {
    await using it = await leaver('clean');
    it.stopReading();
    it.tell('chatter');
    it.tell('chatter');
    it.signal('SIGTERM');
    expect((await it.ended).code).toBe(0);
  });

  test('keep no fatal error from ending the process, though it can tell nobody', async () => {
    await using it = await leaver('clean');
    it.stopReading();
    it.tell('throw');
    expect((await it.ended).code).toBe(1);
  });
});

describe('a reader that stalls', () => {
  test('does not hold the process: after the report it leaves with the report’s code', async () => {
    await using it = await leaver('clean', 60_000);
    it.stallReading();
    it.tell('flood');
    it.signal('SIGTERM');
    expect(await it.ended).toEqual({ code: 0, by: null, stderr: '' });
  });

  test('does not hide what else holds the process: the watchdog names it', async () => {
    await using it = await leaver('waits', 600);
    it.stallReading();
    it.tell('flood');
    it.signal('SIGTERM');
    const { code, stderr } = await it.ended;
    expect(code).toBe(3);
    expect(stderr).toContain('forced exit (time is up, stopped): still open: gateway/thing');
  });
});

describe('the undo', () => {
  test('takes every handler away: signals do again what they did before', async () => {
    await using it = await leaver('clean');
    it.tell('undo');
    await it.said('left behind: nothing');
    it.signal('SIGTERM');
    expect((await it.ended).by).toBe('SIGTERM');
  });
});
