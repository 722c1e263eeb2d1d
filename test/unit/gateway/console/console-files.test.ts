// The console's files: by the names in their list, and nothing else of the folder or outside of it.
import { mkdir, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { ConsoleFiles } from '../../../../src/gateway/console/console-files.ts';
import { consoleRoutes } from '../../../../src/gateway/console/console-routes.ts';
import type { Route } from '../../../../src/gateway/route-table.ts';
import { testFolder } from '../../../support/folder.ts';

async function shipped() {
  const folder = await testFolder();
  const console = `${folder.path}/console`;
  await mkdir(console);
  await writeFile(`${console}/index.html`, '<!doctype html>');
  await writeFile(`${console}/index-abc.js`, 'let x;');
  await writeFile(`${console}/private.txt`, 'not listed');
  await writeFile(`${folder.path}/outside.txt`, 'outside');
  const listed = {
    'index.html': { type: 'text/html; charset=utf-8', kept: 'asked' },
    'index-abc.js': { type: 'text/javascript; charset=utf-8', kept: 'immutable' },
  };
  await writeFile(`${console}/manifest.json`, JSON.stringify(listed));
  const files = new ConsoleFiles(pathToFileURL(`${console}/`));
  const access = {
    open: true,
    door: 'plain',
    administrator: () => undefined,
    ofConsole: () => undefined,
  } as const;
  const table = consoleRoutes({ access, engines: { list: () => [] } }, files);
  const get = (path: string, file = '') => {
    const { GET } = table[path] as { readonly GET: Route };
    return GET.answer({
      ...{
        method: 'GET',
        header: () => undefined,
        query: () => undefined,
        bytes: () => new ReadableStream(),
        json: async () => undefined,
      },
      param: () => file,
    });
  };
  return { folder, files, get };
}

test('the page is asked for each time, what has its hash in its name is kept for ever', async () => {
  const { folder, get } = await shipped();
  await using _ = folder;
  const page = await get('/console');
  expect(new TextDecoder().decode(page.body as Uint8Array)).toBe('<!doctype html>');
  expect(page).toMatchObject({
    status: 200,
    contentType: 'text/html; charset=utf-8',
    headers: { 'cache-control': 'no-cache' },
  });
  expect(await get('/console/')).toEqual(page);
  const script = await get('/console/{file}', 'index-abc.js');
  expect(script.headers?.['cache-control']).toBe('public, max-age=31536000, immutable');
});

test('nothing comes from elsewhere, runs inline, or is put into a frame', async () => {
  const { folder, get } = await shipped();
  await using _ = folder;
  const { headers = {} } = await get('/console');
  const policy = headers['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  expect(headers).toMatchObject({
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
});

test.each([
  'private.txt',
  'manifest.json',
  '../outside.txt',
  '..%2foutside.txt',
  '__proto__',
  'constructor',
  '',
])('%j is no file of the console', async (name) => {
  const { folder, files } = await shipped();
  await using _ = folder;
  await expect(files.find(name)).rejects.toMatchObject({ code: 'not_found' });
});

test('where it was not built it says so', async () => {
  await using folder = await testFolder();
  const files = new ConsoleFiles(pathToFileURL(`${folder.path}/nowhere/`));
  await expect(files.find('index.html')).rejects.toThrow('run `npm run build`');
});
