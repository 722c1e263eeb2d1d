// Standard output of a command that writes for long: at the pace of whoever reads, until nobody does.
export class Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #gone = Promise.withResolvers<void>();
  #state: 'open' | 'gone' = 'open';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // `head` has seen enough.
    for (const event of ['error', 'close'] as const) stream.once(event, this.#onGone);
  }

  /** Resolves when nobody reads any more. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get state(): 'open' | 'gone' {
    return this.#state;
  }

  get columns(): number | null {
    return this.#stream.isTTY ? this.#stream.columns || 80 : null;
  }

  /** A line that is printable, colours aside. Resolves when the next one may come. */
  async line(text: string): Promise<void> {
    if (this.#state === 'gone' || this.#stream.write(`${text}\n`)) return;
    const drained = Promise.withResolvers<void>();
    const onDrain = () => drained.resolve();
    this.#stream.once('drain', onDrain);
    await Promise.race([drained.promise, this.gone]);
    this.#stream.removeListener('drain', onDrain);
  }

  end(): void {
    for (const event of ['error', 'close'] as const) this.#stream.removeListener(event, this.#onGone);
    this.#gone.resolve();
  }

  readonly #onGone = () => {
    this.#state = 'gone';
    this.#gone.resolve();
  };
}

/** On a terminal that can, unless somebody wants none (https://no-color.org). */
export function coloursOf(
  stream: NodeJS.WriteStream | undefined,
  env: Readonly<Record<string, string | undefined>>,
): 'on' | 'off' {
  return stream?.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? 'on' : 'off';
}
