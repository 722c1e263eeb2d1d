// Durations and sizes as people write them (`120s`, `64MiB`), to milliseconds and bytes and back. Parsing never
// throws: what cannot be read is answered with a sentence that says what to write instead.

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** The longest timer Node can hold; a longer one would fire at once. About 24.8 days. */
export const durationMsMax = 2 ** 31 - 1;

const durationUnits = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const sizeUnits = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['kB', 1e3],
  ['B', 1],
] as const;

/** `120s`, `1.5s`, `250ms`, `10m`, `2h`, `1d`, or 0. A bare number has no unit and is refused. */
export function parseDuration(written: unknown, maxMs = durationMsMax): Parsed<number> {
  if (written === 0 || written === '0') return { ok: true, value: 0 };
  const bare = typeof written === 'number' ? String(written) : written;
  if (typeof bare !== 'string') return refuse(`expected a duration such as 120s, got ${nameOf(written)}`);
  if (/^\d+(?:\.\d+)?$/.test(bare)) return refuse(`add a unit to the duration: ${bare}s or ${bare}ms?`);
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d)$/.exec(bare) ?? [];
  const factor = durationUnits.find(([name]) => name === unit)?.[1];
  if (digits === undefined || factor === undefined) {
    return refuse(`expected a duration such as 120s, got ${JSON.stringify(bare.slice(0, 60))}`);
  }
  const valueMs = whole(Number(digits) * factor);
  if (valueMs === undefined) return refuse(`a duration is in whole milliseconds, got ${bare}`);
  if (valueMs > maxMs) return refuse(`a duration is at most ${formatDuration(maxMs)}, got ${bare}`);
  return { ok: true, value: valueMs };
}

/** `64MiB`, `1KiB`, `4MB`, `100B`, or a plain number of bytes. */
export function parseSize(written: unknown): Parsed<number> {
  const text = typeof written === 'number' ? String(written) : written;
  if (typeof text !== 'string') return refuse(`expected a size such as 64MiB, got ${nameOf(written)}`);
  const [, digits, unit = 'B'] = /^(\d{1,16}(?:\.\d{1,9})?)([A-Za-z]+)?$/.exec(text) ?? [];
  // `KB` is what most people write for `kB`; nobody means anything else by it.
  const factor = sizeUnits.find(([name]) => name === (unit === 'KB' ? 'kB' : unit))?.[1];
  if (digits === undefined || factor === undefined) {
    return refuse(
      `expected a size such as 64MiB, 1KiB, 4MB or a number of bytes, got ${JSON.stringify(text.slice(0, 60))}`,
    );
  }
  const bytes = whole(Number(digits) * factor);
  if (bytes === undefined) return refuse(`a size is in whole bytes, got ${text}`);
  if (!Number.isSafeInteger(bytes)) return refuse(`a size is at most 8192TiB, got ${text}`);
  return { ok: true, value: bytes };
}

/** The shortest exact form: `2m`, `1500ms`. `parseDuration` reads it back. */
export function formatDuration(valueMs: number): string {
  if (valueMs === 0) return '0s';
  const [unit, factor] = durationUnits.find(([, candidate]) => valueMs % candidate === 0) ?? ['ms', 1];
  return `${valueMs / factor}${unit}`;
}

/** To the second below two minutes, to the minute below two hours, to the hour after that. */
export function formatAge(ageMs: number): string {
  const unitMs = ageMs < 120_000 ? 1_000 : ageMs < 7_200_000 ? 60_000 : 3_600_000;
  return formatDuration(ageMs - (ageMs % unitMs));
}

/** The shortest exact form: `64MiB`, `4MB`, `1025B`. `parseSize` reads it back. */
export function formatSize(bytes: number): string {
  const fits = sizeUnits.filter(([, factor]) => bytes >= factor && bytes % factor === 0);
  const forms = fits.map(([unit, factor]) => `${bytes / factor}${unit}`);
  return forms.sort((a, b) => a.length - b.length)[0] ?? `${bytes}B`;
}

function refuse(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

/** 1.1 * 1000 is 1100.0000000000002: what a rounding error away from a whole number is that number. */
function whole(value: number): number | undefined {
  const rounded = Math.round(value);
  return Math.abs(value - rounded) <= Math.max(rounded, 1) * 4 * Number.EPSILON ? rounded : undefined;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a section' : String(value);
}
