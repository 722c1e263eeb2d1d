// An address that another gateway has: `up` and `doctor` say which one, and how to stop it.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bin, GatewayProcess } from '../support/gateway-process.ts';

/** What a command writes, on both streams; it may fail. */
function run(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { cwd }, (_error, out, err) => resolve(out + err));
  });
}

test.skipIf(process.platform !== 'linux')('up and doctor name the gateway that has the address', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.event('ready');
  const listen = new URL(await gateway.url()).host;
  const cwd = gateway.folder.path;
  const data = join(cwd, '.greenroom');
  const holder = `pid ${gateway.child.pid} \\(.*\\), user \\S+, up \\d+ s; a greenroom gateway, of the data directory ${data}`;
  const told = await run(['up', '--listen', listen, '--data', join(cwd, 'other')], '/');
  expect(told).toMatch(
    new RegExp(`cannot listen on ${listen}: ${holder}; stop it with \`greenroom stop --data ${data}\`, or`),
  );
  const seen = await run(['doctor', '--set', `listen=${listen}`, '--data', join(cwd, 'other')], '/');
  expect(seen).toMatch(new RegExp(`${listen} is taken: ${holder}`));
  expect(seen).not.toContain("not one of greenroom's");
});
