// What is different between two configurations, and what of it can be had without a new start. Pure.
import { Secret } from './secrets.ts';
import type { Config, EngineConfig } from './types.ts';

export interface Difference {
  /** `engines.voice`, `pipelines.default`, `aliases`, `sessions.max`, `listen`, ... */
  readonly path: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** Of an engine or a pipeline what is different in it. */
  readonly keys: readonly string[];
  /** `start`: only with the next start of the gateway. */
  readonly applies: 'now' | 'start';
}

/** Read once, when the gateway is opened. */
const fixed = [
  ...['listen', 'dataDirectory', 'auth', 'tls', 'events', 'store', 'recordings', 'shutdown'],
] as const satisfies readonly (keyof Config)[];
/** As the file has them. */
const names: Readonly<Record<string, string>> = { dataDirectory: 'data' };

export function differencesOf(before: Config, after: Config): readonly Difference[] {
  return [
    ...ofNamed('engines', before.engines, after.engines),
    ...ofNamed('pipelines', before.pipelines, after.pipelines),
    ...whole('aliases', before.aliases, after.aliases, 'now'),
    ...whole('unknownModel', before.unknownModel, after.unknownModel, 'now'),
    ...ofSection('sessions', before.sessions, after.sessions, (key) => (key === 'lobby' ? 'start' : 'now')),
    ...ofSection('limits', before.limits, after.limits, () => 'now'),
    ...ofSection('log', before.log, after.log, (key) =>
      key === 'level' || key === 'cleanup' ? 'now' : 'start',
    ),
    ...fixed.flatMap((key) => whole(names[key] ?? key, before[key], after[key], 'start')),
  ];
}

/** What holds from now on: the new one, but for what is only read at a start. */
export function appliedOver(before: Config, after: Config): Config {
  const kept = Object.fromEntries(fixed.map((key) => [key, before[key]])) as Pick<
    Config,
    (typeof fixed)[number]
  >;
  const { sizeBytes, keep } = before.log;
  return {
    ...after,
    ...kept,
    sessions: { ...after.sessions, lobby: before.sessions.lobby },
    log: { ...after.log, sizeBytes, keep },
  };
}

/** Whether another instance is wanted: what pipelines need of a worker is no part of it. */
export function isSameEngine(before: EngineConfig, after: EngineConfig): boolean {
  return isSame(plain(before), plain(after));
}

const plain = (config: object): object => (config && 'needed' in config ? { ...config, needed: [] } : config);

type Named = Readonly<Record<string, object>>;

function ofNamed(section: string, before: Named, after: Named): readonly Difference[] {
  const all = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return all.flatMap((name): readonly Difference[] => {
    const path = `${section}.${name}`;
    const [old, next] = [before[name], after[name]];
    if (!old) return [{ path, change: 'added', keys: [], applies: 'now' }];
    if (!next) return [{ path, change: 'removed', keys: [], applies: 'now' }];
    const keys = changedKeys(plain(old), plain(next));
    return keys.length > 0 ? [{ path, change: 'changed', keys, applies: 'now' }] : [];
  });
}

function ofSection<Section extends object>(
  section: string,
  before: Section,
  after: Section,
  applies: (key: string) => Difference['applies'],
): readonly Difference[] {
  return changedKeys(before, after).map((key) => ({
    ...{ path: `${section}.${fileKey(key)}`, change: 'changed', keys: [], applies: applies(key) },
  }));
}

function whole(
  path: string,
  before: unknown,
  after: unknown,
  applies: Difference['applies'],
): readonly Difference[] {
  if (isSame(before, after)) return [];
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ path, change, keys: [], applies }];
}

function changedKeys(before: object, after: object): readonly string[] {
  const all = new Set([...Object.keys(before), ...Object.keys(after)]);
  const at = (from: object, key: string) => (from as Readonly<Record<string, unknown>>)[key];
  return [...all].filter((key) => !isSame(at(before, key), at(after, key))).map(fileKey);
}

/** As the file has it: without the unit that we put behind the name. */
const fileKey = (key: string): string =>
  key === 'queueBytesMax' ? key : key.replace(/(?:Ms|Bytes)$/, '') || key;

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (one instanceof Secret || other instanceof Secret)
    return one instanceof Secret && other instanceof Secret && one.reveal() === other.reveal();
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [Object.entries(one), other as Readonly<Record<string, unknown>>];
  if (left.length !== Object.keys(other).length) return false;
  return left.every(([key, value]) => Object.hasOwn(right, key) && isSame(value, right[key]));
}
