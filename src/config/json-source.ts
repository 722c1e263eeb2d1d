// Reads a JSON configuration with the place of every key and value. `JSON.parse` knows no places, takes the last
// of two equal keys in silence, and quotes the text (which may hold a secret) in its errors.
import type { Path, Position } from './problems.ts';

export interface JsonNode {
  readonly value: unknown;
  readonly offset: number;
  /** Of a section or list, by key or index. */
  readonly entries?: ReadonlyMap<string | number, JsonEntry>;
}

interface JsonEntry {
  readonly keyOffset: number;
  readonly node: JsonNode;
}

export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
  readonly offset: number;
  readonly path: Path;

  constructor(message: string, offset: number, path: Path) {
    super(message);
    this.offset = offset;
    this.path = path;
  }
}

const depthMax = 64;

/** Throws JsonSyntaxError. */
export function parseJson(text: string): JsonNode {
  const reader = new Reader(text);
  const node = reader.node([]);
  reader.end();
  return node;
}

export function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  node(path: Path): JsonNode {
    this.#space();
    if (path.length > depthMax) throw this.#error(`nested more than ${depthMax} levels`, path);
    const offset = this.#at;
    const first = this.#text[offset];
    if (first === '{') return this.#section(path, offset);
    if (first === '[') return this.#list(path, offset);
    return { value: first === '"' ? this.#string(path) : this.#word(path), offset };
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#error('expected the end of the file', []);
  }

  #section(path: Path, offset: number): JsonNode {
    const entries = new Map<string | number, JsonEntry>();
    const value: Record<string, unknown> = {};
    this.#items('}', path, () => {
      const keyOffset = this.#at;
      if (this.#text[keyOffset] !== '"') throw this.#error('expected a key in double quotes', path);
      const key = this.#string(path);
      const inner = [...path, key];
      if (entries.has(key)) throw new JsonSyntaxError('this key stands twice', keyOffset, inner);
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#error('expected ":"', inner);
      this.#at += 1;
      const node = this.node(inner);
      entries.set(key, { keyOffset, node });
      // Not by assignment: `__proto__` is a key like any other.
      Object.defineProperty(value, key, {
        value: node.value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    });
    return { value, offset, entries };
  }

  #list(path: Path, offset: number): JsonNode {
    const entries = new Map<string | number, JsonEntry>();
    const value: unknown[] = [];
    this.#items(']', path, () => {
      const node = this.node([...path, value.length]);
      entries.set(value.length, { keyOffset: node.offset, node });
      value.push(node.value);
    });
    return { value, offset, entries };
  }

  /** From the opening bracket to the closing one. */
  #items(close: '}' | ']', path: Path, item: () => void): void {
    this.#at += 1;
    this.#space();
    if (this.#text[this.#at] === close) {
      this.#at += 1;
      return;
    }
    for (;;) {
      item();
      this.#space();
      const next = this.#text[this.#at];
      if (next !== ',' && next !== close) throw this.#error(`expected "," or "${close}"`, path);
      this.#at += 1;
      if (next === close) return;
      this.#space();
      if (this.#text[this.#at] === close)
        throw this.#error('JSON has no comma before a closing bracket', path);
    }
  }

  #string(path: Path): string {
    const pattern = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
    return this.#match(
      pattern,
      path,
      'expected text that ends with a double quote on the same line',
    ) as string;
  }

  #word(path: Path): unknown {
    const pattern = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;
    return this.#match(pattern, path, 'expected a value');
  }

  #match(pattern: RegExp, path: Path, expected: string): unknown {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#error(expected, path);
    this.#at += found.length;
    return JSON.parse(found);
  }

  #space(): void {
    while (/^[ \t\r\n]$/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    if (this.#text.startsWith('//', this.#at) || this.#text.startsWith('/*', this.#at)) {
      throw this.#error('JSON has no comments; a .yaml file has', []);
    }
  }

  #error(message: string, path: Path): JsonSyntaxError {
    return new JsonSyntaxError(message, this.#at, path);
  }
}
