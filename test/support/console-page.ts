// The console in a real Chromium: opened at a gateway, looked at as a person would.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { launch, type Page } from 'puppeteer-core';
import { until } from './poll.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface View {
  readonly scheme: 'light' | 'dark';
  readonly widthPx: number;
}

const wide: View = { scheme: 'light', widthPx: 1200 };

export class ConsolePage implements AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page, as its own console has it. */
  readonly faults: string[] = [];
  readonly requested: string[] = [];
  readonly #close: () => Promise<void>;

  private constructor(page: Page, close: () => Promise<void>) {
    this.page = page;
    this.#close = close;
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.faults.push(`${message.text()} (${message.location().url})`);
    });
    page.on('request', (request) => this.requested.push(request.url()));
  }

  /** @param microphone a WAV file that it gives, again and again; beeps by default */
  static async open(
    executablePath: string,
    address: string,
    { microphone }: { readonly microphone?: string } = {},
  ): Promise<ConsolePage> {
    const fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
    const heard = microphone === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphone}`];
    const browser = await launch({ executablePath, args: ['--no-sandbox', ...fake, ...heard] });
    const opened = new ConsolePage(await browser.newPage(), () => browser.close());
    await opened.looks(wide);
    await opened.page.goto(address);
    return opened;
  }

  async looks({ scheme, widthPx }: View): Promise<void> {
    await this.page.setViewport({ width: widthPx, height: 800 });
    await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  }

  /** By the link that leads to it. */
  async goTo(title: string): Promise<void> {
    await (await this.page.waitForSelector(`::-p-xpath(//nav/a[text()="${title}"])`))?.click();
    await this.page.waitForSelector(`::-p-xpath(//h1[text()="${title}"])`);
    await this.page.waitForFunction(
      () => !document.querySelector('main')?.textContent?.includes('Loading …'),
    );
  }

  async click(name: string): Promise<void> {
    const button = await this.page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`, {
      timeout: 10_000,
    });
    if (!button) throw new Error(`no button ${name}`);
    await button.click();
  }

  async text(selector = 'main'): Promise<string> {
    // biome-ignore lint/performance/useDomNodeTextContent: what can be seen is meant.
    return this.page.$eval(selector, (element) => (element as HTMLElement).innerText);
  }

  /** Until the page says so. */
  async sees(pattern: RegExp, { selector = 'body', timeoutMs = 5000 } = {}): Promise<void> {
    let last = '';
    await until(
      async () => {
        last = await this.text(selector).catch(() => '');
        return pattern.test(last);
      },
      { timeoutMs, what: () => `${pattern} on the page, which says: ${last}` },
    );
  }

  /** What axe-core calls serious or critical, with the place of each. */
  async serious(): Promise<readonly string[]> {
    await this.page.evaluate(axe);
    const found = (await this.page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
      readonly violations: readonly {
        readonly id: string;
        readonly impact: string;
        readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
      }[];
    };
    return found.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
