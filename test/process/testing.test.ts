// `greenroom/testing` as somebody's tests use it: from the package, with node:test, and with every fault there is.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { faultyEngine, startGateway } from '../../src/testing/index.ts';
import { testFolder } from '../support/folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('a gateway for one test, with an engine that behaves; nothing is left of it', async () => {
  let folder: string;
  {
    await using gateway = await startGateway({
      config: { engines: { llm: faultyEngine({ says: 'One two three.', loadMs: 100 }) }, pipelines: {} },
    });
    folder = gateway.folder;
    await gateway.ready();
    expect(gateway.engine('llm')).toMatchObject({
      state: 'ready',
      offers: ['chat', 'transcribe', 'speak', 'embed'],
    });
    const { address } = gateway.engine('llm') ?? {};
    const response = await fetch(`${address}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'llm', messages: [], stream: true }),
    });
    const said = [...(await response.text()).matchAll(/"content":"([^"]*)"/g)]
      .map(([, text]) => text)
      .join('');
    expect(said).toBe('One two three.');
  }
  expect(existsSync(folder)).toBe(false);
});

test('what is not ready is told with why and the last lines', async () => {
  await using gateway = await startGateway({
    config: { engines: { llm: faultyEngine({ fault: 'never-ready' }) }, pipelines: {} },
    readyMs: 500,
  });
  await expect(gateway.ready()).rejects.toThrow(/not ready in 500 ms:\nengine llm is starting at /);
});

test('a configuration that cannot be used leaves nothing', async () => {
  await expect(startGateway({ config: { engines: 5 } })).rejects.toMatchObject({ code: 'config_invalid' });
  expect(() => faultyEngine({ fault: 'sulks' as never })).toThrow(
    'there is no fault "sulks"; there are none, ',
  );
});

test('the built package works in node:test', async () => {
  await using folder = await testFolder();
  const file = await folder.write(
    'gateway.test.mjs',
    `import assert from 'node:assert';
    import { test } from 'node:test';
    import { faultyEngine, startGateway } from '${root}dist/testing.js';
    test('an engine that behaves', async () => {
      await using gateway = await startGateway({ config: { engines: { llm: faultyEngine() }, pipelines: {} } });
      await gateway.ready();
      assert.equal(gateway.engine('llm').state, 'ready');
    });`,
  );
  const env = { ...process.env };
  // Else it takes itself for a part of another run.
  delete env['NODE_TEST_CONTEXT'];
  const said = await new Promise<string>((resolve) =>
    execFile(process.execPath, ['--test', '--test-reporter=tap', file], { env }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    ),
  );
  expect(said).toMatch(/^# pass 1$/m);
  expect(said).toMatch(/^# fail 0$/m);
});

test('the upstream of README.md, as it stands there', async () => {
  await using folder = await testFolder();
  const readme = readFileSync(`${root}README.md`, 'utf8');
  const code = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)]
    .map(([, block = '']) => block)
    .find((block) => block.includes('scriptedUpstream('));
  const file = await folder.write(
    'upstream.mjs',
    String(code).replaceAll(/'greenroom\/(\w+)'/g, (_, name) => `'${root}dist/${name}.js'`),
  );
  const said = await new Promise<string>((resolve) =>
    execFile(process.execPath, [file], (error, stdout, stderr) => resolve(stdout + stderr + (error ?? ''))),
  );
  expect(said).toBe('[]\n');
});
