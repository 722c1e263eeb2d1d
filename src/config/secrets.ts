// Secrets: values that must reach an engine or the door, and nothing else. A Secret shows itself as `***` wherever
// it is printed; the registry knows every value of one configuration and masks it in any text.

const mask = '***';

/** Shorter values would mask half of every sentence; as a token they protect nothing anyway. */
const maskedLengthMin = 4;
/** A line of a key; shorter ones (`}`) stand everywhere. */
const maskedLineMin = 8;

/** A value that prints as `***`. `reveal()` is the only way to it. */
export class Secret {
  readonly #value: string;
  /** Where it came from: `env:NAME`, or `the configuration`. */
  readonly origin: string;

  constructor(value: string, origin: string) {
    this.#value = value;
    this.origin = origin;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return mask;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What `env:NAME` refers to; undefined when the text is no such reference, and the name may be malformed. */
export function referenceOf(text: string): { readonly name: string; readonly valid: boolean } | undefined {
  if (!text.startsWith('env:')) return undefined;
  const name = text.slice('env:'.length);
  return { name, valid: /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) };
}

/** The known secrets of one gateway. Logs, `/api` and error messages go through `mask`. */
export class SecretRegistry {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  add(secret: Secret): Secret {
    const value = secret.reveal();
    if (value.length < maskedLengthMin) return secret;
    // A value is also a secret in the forms it takes inside JSON and a URL.
    for (const form of formsOf(value)) this.#forms.add(form);
    this.#pattern = undefined;
    return secret;
  }

  /** Those of another configuration too. */
  adopt(other: SecretRegistry): void {
    for (const form of other.#forms) this.#forms.add(form);
    this.#pattern = undefined;
  }

  mask(text: string): string {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= patternOf(this.#forms);
    return text.replace(this.#pattern, mask);
  }
}

/** As it is, as JSON and URLs have it, and the lines of one that has several: logs are masked line by line. */
function formsOf(value: string): readonly string[] {
  const lines = value.split(/\r?\n/).filter((line) => line.trim().length >= maskedLineMin);
  const texts = lines.length > 1 ? [value, ...lines] : [value];
  return texts.flatMap((text) => [text, JSON.stringify(text).slice(1, -1), encodeForUrl(text)]);
}

/** Longest first, so that a secret that begins with another one leaves no tail behind. */
function patternOf(forms: ReadonlySet<string>): RegExp {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'g');
}

function encodeForUrl(value: string): string {
  // A lone surrogate has no URL form; `encodeURIComponent` would throw on it.
  return encodeURIComponent(value.toWellFormed());
}
