// The load of a model: heard of from its first moment, and told why when it fails.
import { copyFile, mkdir, symlink } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { namedTemplates } from '../../../src/llama-server/chat-wrapper.ts';
import { testFolder } from '../../support/folder.ts';
import { until } from '../../support/poll.ts';
import { type LlamaHealth, LlamaProcess, llamaProblem, program } from './llama-process.ts';
import { models, sentence } from './models.ts';

const problem = llamaProblem();
const title = problem ? `llama.cpp loads (skipped: ${problem})` : 'llama.cpp loads';
const files = models('says', 'slow', 'truncated', 'web-page', 'aborting');
const messages = [{ role: 'user', content: 'Hello' }];

describe.skipIf(problem)(title, () => {
  test('it listens first: 503 with how far it is, then 200, and a line for every percent', async () => {
    await using llama = new LlamaProcess(files.path('slow'));
    await llama.says(/^greenroom-listening /m);
    const seen: { readonly status: number; readonly body: LlamaHealth }[] = [];
    const ready = async () => {
      const answer = await fetch(`${llama.url}/health`);
      seen.push({ status: answer.status, body: (await answer.json()) as LlamaHealth });
      return answer.status === 200;
    };
    await until(ready, { timeoutMs: 20_000, what: 'the model' });
    const before = seen.filter(({ status }) => status === 503).map(({ body }) => body);
    expect(before.length).toBeGreaterThan(3);
    expect(before[0]?.error).toEqual({
      code: 503,
      message: 'Loading model',
      type: 'unavailable_error',
    });
    const fractions = before.map(({ progress }) => progress?.fraction ?? -1);
    expect(fractions).toEqual([...fractions].sort((one, other) => one - other));
    expect(fractions[0]).toBeLessThan(0.1);
    expect(seen.at(-1)?.body).toEqual({ status: 'ok', active: 0, waiting: 0, parallel: 1 });

    const lines = llama.stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^greenroom-listening http:\/\/127\.0\.0\.1:\d+$/);
    const told = lines.slice(1).map((line) => /^greenroom-progress (\d\.\d\d) (\S.*)$/.exec(line));
    expect(told).not.toContain(null);
    expect(told.map((match) => match?.[2])).toEqual(expect.arrayContaining(['loading the model', 'ready']));
    expect(told.at(-1)?.[1]).toBe('1.00');
    // A line for each step, none twice.
    expect(new Set(lines).size).toBe(lines.length);
    const answer = await llama.post('/v1/chat/completions', { messages });
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'At last.' } }] });
  });

  test.each([
    [
      'truncated',
      /^model \S+truncated\.gguf cannot be loaded: tensor 'output\.weight' data is not within the file bounds, model is corrupted or incomplete$/,
    ],
    ['web-page', /^model \S+web-page\.gguf is a web page and no GGUF file: .*sign-in page$/],
  ] as const)('a %s file: the reason is the last line, and the exit code 1', async (name, line) => {
    await using llama = new LlamaProcess(files.path(name));
    expect(await llama.ended).toEqual({ code: 1, signal: null });
    expect(llama.lastError).toMatch(line);
  });

  test('a file that is not there', async () => {
    await using llama = new LlamaProcess('/nowhere/m.gguf');
    expect(await llama.ended).toEqual({ code: 1, signal: null });
    expect(llama.lastError).toBe('model /nowhere/m.gguf does not exist');
  });

  test('a model that llama.cpp aborts on ends the program by SIGABRT, with its words', async () => {
    await using llama = new LlamaProcess(files.path('aborting'));
    expect(await llama.ended).toEqual({ code: null, signal: 'SIGABRT' });
    expect(llama.stderr).toContain('GGML_ASSERT(id_to_token.size() == token_to_id.size()) failed');
  });

  test('a UNIX socket in place of a port', async () => {
    const socketPath = join(files.folder.path, 'm.sock');
    await using llama = new LlamaProcess(files.path('says'), ['--socket', socketPath]);
    await llama.says(/^greenroom-progress 1\.00 ready$/m);
    expect(llama.stdout).toContain(`greenroom-listening unix:${socketPath}\n`);
    const answer = await new Promise<string>((resolve, reject) => {
      const path = '/v1/chat/completions';
      const call = request({ socketPath, path, method: 'POST', agent: false }, async (response) => {
        resolve((await response.setEncoding('utf8').toArray()).join(''));
      });
      call.on('error', reject).end(JSON.stringify({ messages }));
    });
    expect(JSON.parse(answer).choices[0].message.content).toBe(sentence);
  });

  test('no context is larger than what the model was trained for', async () => {
    await using llama = await LlamaProcess.ready(files.path('says'), '--context', '100000');
    expect((await llama.openai.models.list()).data).toMatchObject([
      { meta: { n_ctx: 4096, n_ctx_train: 4096 } },
    ]);
  });

  test('a template that is known by name is the one that node-llama-cpp would find by trying', async () => {
    const { resolveChatWrapper } = await import('node-llama-cpp');
    for (const [template] of namedTemplates) {
      const fileInfo = { metadata: { tokenizer: { chat_template: template }, general: {} } } as never;
      expect(resolveChatWrapper({ fileInfo })?.wrapperName).toBe('ChatML');
    }
  });
});

test('a port that is taken is said at once, by name', async () => {
  await using first = new LlamaProcess('/nowhere/m.gguf', ['--port', '0']);
  await first.ended;
  await using folder = await testFolder();
  const socketPath = join(folder.path, 'no', 'folder', 'm.sock');
  await using llama = new LlamaProcess('/nowhere/m.gguf', ['--socket', socketPath]);
  expect(await llama.ended).toEqual({ code: 1, signal: null });
  expect(llama.lastError).toMatch(`cannot listen on ${socketPath}: listen `);
});

test('a command line that is not understood is exit code 2, with the usage', async () => {
  await using llama = new LlamaProcess('m.gguf', ['--port', 'eighty']);
  expect(await llama.ended).toEqual({ code: 2, signal: null });
  expect(llama.stderr).toContain('usage: llama-server.js --model FILE.gguf');
  expect(llama.lastError).toBe('--port is a whole number from 0 to 65535, not eighty');
});

describe('node-llama-cpp is installed by who wants it', () => {
  /** The program alone, where no node_modules is above it. */
  async function alone() {
    const folder = await testFolder();
    const from = await folder.write('greenroom/llama-server.mjs', '');
    await copyFile(program, from);
    const work = join(folder.path, 'work');
    await mkdir(work);
    await folder.write('work/m.gguf', 'GGUF and so on, long enough to be a header');
    return { folder, from, work };
  }

  test('where it is not, the next step is said', async () => {
    const { folder, from, work } = await alone();
    await using _ = folder;
    await using llama = new LlamaProcess('m.gguf', ['--port', '0'], { from, cwd: work });
    expect(await llama.ended).toEqual({ code: 1, signal: null });
    expect(llama.lastError).toBe(
      `node-llama-cpp, which runs the models of \`builtin: llama\`, is not installed: \`npm install node-llama-cpp\` in ${work}`,
    );
  });

  test('one that is broken is told apart', async () => {
    const { folder, from, work } = await alone();
    await using _ = folder;
    await folder.write(
      'work/node_modules/node-llama-cpp/index.js',
      'module.exports = require("a-part-of-it");',
    );
    await using llama = new LlamaProcess('m.gguf', ['--port', '0'], { from, cwd: work });
    expect(await llama.ended).toEqual({ code: 1, signal: null });
    expect(llama.stderr).toContain('node-llama-cpp is installed and cannot be used: Cannot find module');
  });

  test.skipIf(problem)(
    problem
      ? `skipped: ${problem}`
      : 'one in the folder where it is started is as good as one beside greenroom',
    async () => {
      const { folder, from, work } = await alone();
      await using _ = folder;
      await mkdir(join(work, 'node_modules'));
      const installed = fileURLToPath(new URL('../../../node_modules/node-llama-cpp', import.meta.url));
      await symlink(installed, join(work, 'node_modules', 'node-llama-cpp'));
      await using llama = new LlamaProcess(files.path('says'), ['--port', '0'], { from, cwd: work });
      await llama.says(/^greenroom-progress 1\.00 ready$/m);
    },
  );
});
