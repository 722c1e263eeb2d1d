// A real Chromium with one page. Where there is none, tests are skipped by name: `await findBrowser()`.
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { launch, type Page } from 'puppeteer-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a browser, or undefined. */
export async function findBrowser(): Promise<string | undefined> {
  for (const name of names) {
    const found = await promisify(execFile)('which', [name]).catch(() => undefined);
    if (found) return found.stdout.trim();
  }
  return undefined;
}

export interface BrowserPage extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page, whoever should have caught it. */
  readonly faults: readonly string[];
}

/** A page of this machine, with these files by path. */
export async function openPage(
  executablePath: string,
  files: Readonly<Record<string, { readonly type: string; readonly body: string | Buffer }>>,
): Promise<BrowserPage> {
  const server = createServer(({ url = '/' }, response) => {
    const file = files[url];
    response.writeHead(file ? 200 : 404, { 'content-type': file?.type ?? 'text/plain' });
    response.end(file?.body ?? 'no such file');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launch({
    executablePath,
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return {
    page,
    faults,
    async [Symbol.asyncDispose]() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
