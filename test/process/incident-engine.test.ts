// The failure that greenroom was made for: an engine that takes 12 s to load is asked after 3, and nobody can say whether
// it was too early, its port was taken, its model held, its file changed, or it had stalled. `exec` waits; and each of
// these says which it is, and what to do.
import { open, readFile, truncate } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FaultyEngineOptions, faultyEngine } from '../../src/testing/faulty-engine.ts';
import { tinyModel } from '../../src/testing/gguf/tiny-model.ts';
import { canRun, command } from '../support/command.ts';
import { type TestFolder, testFolder } from '../support/folder.ts';
import { GatewayEngine } from '../support/gateway-engine.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { familyOf } from '../support/processes.ts';
import { ask } from './engine-requests/desk.ts';

const says = 'I was loaded first.';

/** Refuses connections for the first half of its load, and answers 503 for the second, as engines do. */
function loads(ms: number, options: FaultyEngineOptions = {}) {
  const { run, ...section } = faultyEngine({ says, loadMs: ms / 2, ...options });
  const words = run as readonly string[];
  return { ...section, run: ['sh', '-c', `sleep ${ms / 2000}; exec "$@"`, 'sh', ...words] };
}

const question = JSON.stringify({ model: 'llm', messages: [{ role: 'user', content: 'Are you there?' }] });
/** Asks through the gateway and the engine itself, as soon as it runs. */
const withCurl = [
  ...['sh', '-c'],
  `for url in "$GREENROOM_OPENAI_BASE_URL" "$GREENROOM_ENGINE_LLM_DIRECT_URL/v1"; do curl -sS --fail-with-body "$url/chat/completions" -d '${question}' || exit; done`,
];
const withFetch = [
  ...[process.execPath, '--input-type=module', '-e'],
  `for (const url of [process.env.GREENROOM_OPENAI_BASE_URL, process.env.GREENROOM_ENGINE_LLM_DIRECT_URL + '/v1']) {
     const answer = await fetch(url + '/chat/completions', { method: 'POST', body: ${JSON.stringify(question)} });
     process.stdout.write(await answer.text());
   }`,
];

async function execs(folder: string, asks: readonly string[]) {
  const beganMs = performance.now();
  const { code, stdout, stderr } = await command(['exec', '--', ...asks], { cwd: folder });
  const ms = performance.now() - beganMs;
  return { code, stderr, ms, answers: [...stdout.matchAll(/"content":"([^"]*)"/g)].map(([, text]) => text) };
}

const engines = async (llm: object) => {
  const folder = await testFolder();
  await folder.write('greenroom.json', JSON.stringify({ engines: { llm }, pipelines: {} }));
  return folder;
};

describe('asked right away', () => {
  let folder: TestFolder;
  let long: ReturnType<typeof execs>;
  // The others have their turn while it loads.
  beforeAll(async () => {
    folder = await engines(loads(12_000));
    long = execs(folder.path, withFetch);
  });
  afterAll(async () => {
    await long;
    await folder[Symbol.asyncDispose]();
    await until(async () => (await familyOf(process.pid)).length === 0, {
      ...{ timeoutMs: 5000, what: 'no child of any run' },
    });
  });

  test('20 runs in a row never fail, in three lanes', async () => {
    await using short = await engines(loads(300));
    const asks = (await canRun('curl', '--version')) ? withCurl : withFetch;
    const outcomes: unknown[] = [];
    let left = 20;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        const { code, answers, stderr } = await execs(short.path, asks);
        outcomes.push(code === 0 ? { code, answers } : { code, answers, stderr });
      }
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(outcomes).toEqual(Array.from({ length: 20 }, () => ({ code: 0, answers: [says, says] })));
  });

  describe('each of the causes that were suspected says which it is', () => {
    let stranger: Server;
    let held: Awaited<ReturnType<typeof open>>;
    let gateway: GatewayProcess;
    let port: number;
    const told = new Map<string, string>();

    beforeAll(async () => {
      stranger = createServer((_, response) => response.end('{"status":"ok"}'));
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
      ({ port } = stranger.address() as AddressInfo);
      gateway = await GatewayProcess.start({
        config: {
          engines: {
            early: loads(1500),
            port: { ...faultyEngine(), port },
            model: { ...faultyEngine(), model: 'held.gguf', exclusive: true, start: 'lazy' },
            file: { ...faultyEngine({ says }), model: 'mapped.gguf' },
            stall: {
              ...faultyEngine({ fault: 'silent' }),
              ready: { stall: '700ms' },
              waiting: { time: '1500ms' },
            },
          },
          pipelines: {},
        },
        prepare: async (folder) => {
          const model = tinyModel({ behaviour: { kind: 'says', text: says } });
          for (const name of ['held.gguf', 'mapped.gguf']) await folder.write(name, model);
        },
      });
      held = await open(join(gateway.folder.path, 'held.gguf'));
    });
    afterAll(async () => {
      await gateway[Symbol.asyncDispose]();
      await held.close();
      await new Promise((resolve) => stranger.close(resolve));
    });

    const chat = async (model: string) =>
      ask(await gateway.url(), '/v1/chat/completions', {
        method: 'POST',
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      });

    /** What a caller is told, and everybody is shown. */
    async function refusal(model: string): Promise<{ readonly code: string; readonly message: string }> {
      const answer = await chat(model);
      expect(answer.status).toBe(503);
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      told.set(model, error.message);
      return error;
    }

    test('called too early: it waits, and gets its answer', async () => {
      const answer = await chat('early');
      expect([answer.status, await answer.json()]).toMatchObject([
        200,
        { choices: [{ message: { content: says } }] },
      ]);
    });

    test('its port is taken: by whom', async () => {
      const { code, message } = await refusal('port');
      expect(code).toBe('engine_port_taken');
      expect(message).toMatch(
        new RegExp(
          `^engine port: port 127\\.0\\.0\\.1:${port} is taken: pid ${process.pid} \\(.+\\), user .+, up .+; not one of greenroom's; end it, or use another port, or \`port: auto\`$`,
        ),
      );
      const { state, failure } = await new GatewayEngine(gateway, 'port').status();
      expect({ state, cause: failure?.cause }).toEqual({ state: 'failed', cause: 'port_in_use' });
      expect(stranger.listening).toBe(true);
    });

    test('its model is held: by whom', async () => {
      const { code, message } = await refusal('model');
      expect(code).toBe('model_file_unusable');
      expect(message).toMatch(
        new RegExp(
          `^engine model: its model \\S+held\\.gguf is also open by pid ${process.pid} \\(.+\\), .*; \`exclusive\` wants it for this engine alone: end that, or take`,
        ),
      );
      const engine = new GatewayEngine(gateway, 'model');
      expect((await engine.status()).failure?.cause).toBe('model_held');
    });

    test('its model’s file is another than the one it has mapped', async () => {
      const engine = new GatewayEngine(gateway, 'file');
      const { pid } = await engine.reaches('ready');
      await truncate(join(gateway.folder.path, 'mapped.gguf'), 10);
      const log = join(gateway.folder.path, '.greenroom', 'logs', 'greenroom.log');
      const line =
        /engine file: its model \S+mapped\.gguf has shrunk from \d+ to 10 bytes since its start; restart it/;
      await until(async () => line.test(await readFile(log, 'utf8')), {
        ...{ timeoutMs: 10_000, what: 'the line in the log' },
      });
      process.kill(Number(pid), 'SIGBUS');
      const { failure } = await engine.reaches('failed');
      expect(failure).toMatchObject({ code: 'model_file_unusable', cause: 'model_broken' });
      const exits = gateway.events.filter(
        ({ event, name, state }) => event === 'engine' && name === 'file' && state === 'backoff',
      );
      expect(exits).toMatchObject([
        {
          error: {
            code: 'engine_exited',
            message: expect.stringMatching(
              /^engine file \(pid \d+\) was ended by SIGBUS; its model \S+mapped\.gguf has shrunk from \d+ to 10 bytes since its start$/,
            ),
          },
        },
      ]);
      await refusal('file');
    });

    test('it has stalled: for how long, and where', async () => {
      const { code, message } = await refusal('stall');
      expect(code).toMatch(/^engine_(?:not_ready|stalled)$/);
      expect(message).toMatch(
        /engine stall: no sign of progress for 700 ms, at rung alive \(connect ECONNREFUSED 127\.0\.0\.1:\d+\): nobody listened at .*; if it may be silent for longer, raise `ready\.stall`$/,
      );
    });

    test('and no two of them say the same', async () => {
      expect([...told.keys()]).toEqual(['port', 'model', 'file', 'stall']);
      expect(new Set(told.values()).size).toBe(told.size);
      gateway.child.kill('SIGTERM');
      expect((await gateway.exited).code).toBe(0);
    });

    test('`exec` says it too: code 69, the holder, and the command is not run', async () => {
      await using mine = await engines({ ...faultyEngine(), port });
      const { code, answers, stderr } = await execs(mine.path, withFetch);
      expect({ code, answers }).toEqual({ code: 69, answers: [] });
      expect(stderr).toContain(`port 127.0.0.1:${port} is taken: pid ${process.pid} (`);
      expect(stderr).toContain('the command was not run: llm is failed');
    });
  });

  test('and an engine that takes 12 s to load gives a real answer', async () => {
    const { code, answers, stderr, ms } = await long;
    expect({ code, answers }, stderr).toEqual({ code: 0, answers: [says, says] });
    expect(ms).toBeGreaterThan(12_000);
  });
});
