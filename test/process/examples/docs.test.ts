// docs/writing-an-engine.md: its first engine runs as it stands there, and its other pieces of code are those of the example.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Caller } from '../../support/caller.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';

const root = new URL('../../../', import.meta.url);
const text = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8');

/** Each begins with a comment that is the name of its file. */
const blocks = [
  ...text('docs/writing-an-engine.md').matchAll(/^```(?:js|yaml)\n(?:\/\/|#) (\S+)\n([\s\S]*?)^```$/gm),
].map(([, name = '', code = '']) => ({ name, code }));

test('the first engine of the page, and its configuration, answer a call', async () => {
  const own = blocks.filter(({ name }) => name === 'shout.mjs' || name === 'greenroom.yaml');
  expect(own).toHaveLength(2);
  await using gateway = await GatewayProcess.start({
    prepare: async (folder) => {
      for (const { name, code } of own) await folder.write(name, code);
    },
    env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
  });
  await using caller = await Caller.call(await gateway.url());
  await caller.lobby('ready');
  caller.say('hello there');
  expect(await caller.event('response.done')).toMatchObject({
    response: { status: 'completed', output: [{ content: [{ type: 'output_text', text: 'HELLO THERE' }] }] },
  });
  gateway.child.kill('SIGTERM');
  const { report, code } = await gateway.end(performance.now());
  expect(code).toBe(0);
  expect(report).toMatchObject({ forced: [] });
});

test('every other piece of code on the page is of the example, as it is', () => {
  const taken = blocks.filter(({ name }) => name !== 'shout.mjs' && name !== 'greenroom.yaml');
  expect(taken.length).toBeGreaterThan(6);
  for (const { name, code } of taken) expect(text(`examples/interpreter/${name}`)).toContain(code);
});
