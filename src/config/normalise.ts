// The edge: from what the schema read to `Config`. Names get their units, paths become absolute, `env:` is
// resolved, and nothing is left for readers to default.
import { resolve } from 'node:path';
import { normaliseEngine } from './normalise-engines.ts';
import { normalisePipeline } from './pipeline-engines.ts';
import type { Path, Problem } from './problems.ts';
import type { RawConfig } from './schema.ts';
import { eventsConfig } from './schema-events.ts';
import { recordingsConfig } from './schema-recordings.ts';
import { storeConfig } from './schema-store.ts';
import { type Environment, referenceOf, Secret, type SecretRegistry } from './secrets.ts';
import type { Config, EngineConfig, TopicGrant } from './types.ts';

export interface NormaliseContext {
  readonly env: Environment;
  readonly secrets: SecretRegistry;
  /** The folder that a relative path at this place of the configuration starts from. */
  readonly folderOf: (path: Path) => string;
  /** Absolute; where no `data` is given. */
  readonly dataDirectory: string;
}

export interface Normalised {
  readonly config: Config;
  readonly problems: readonly Problem[];
}

export function normalise(raw: RawConfig, context: NormaliseContext): Normalised {
  const problems: Problem[] = [];
  const resolver = secretResolver(context, problems);
  const grants = raw.auth.tokens.map((given, index): TopicGrant => {
    const path = ['auth', 'tokens', index];
    if (typeof given === 'string') return { token: resolver.secret(given, path), watch: ['>'], publish: [] };
    return { ...given, token: resolver.secret(given.token, [...path, 'token']) };
  });
  const admin = raw.auth.admin.map((written, index) => resolver.secret(written, ['auth', 'admin', index]));
  const pipelines = byName(raw.pipelines, (name, pipeline) =>
    normalisePipeline(name, pipeline, raw.engines, {
      ...{ folderOf: context.folderOf, problems, secret: resolver.secret },
    }),
  );
  const names = Object.keys(pipelines);
  const { lobby } = raw.sessions;
  const config: Config = {
    listen: raw.listen,
    dataDirectory:
      raw.data === undefined ? context.dataDirectory : resolve(context.folderOf(['data']), raw.data),
    engines: normaliseEngines(raw, context, resolver),
    pipelines,
    defaultPipeline: names.includes('default') ? 'default' : names[0],
    aliases: Object.entries(raw.aliases).map(([glob, pipeline]) => ({ glob, pipeline })),
    unknownModel: raw.unknownModel,
    sessions: {
      max: raw.sessions.max,
      lobby: {
        waitMs: lobby.wait,
        audio: { ageMs: lobby.audio.age, bytesMax: lobby.audio.bytes, bytesTotalMax: lobby.audio.bytesTotal },
      },
      keepaliveMs: raw.sessions.keepalive,
      drainMs: raw.sessions.drain,
      queueBytesMax: raw.sessions.queueBytesMax,
      resumeMs: raw.sessions.resume,
    },
    events: eventsConfig(raw.events),
    auth: { tokens: grants.map(({ token }) => token), admin, grants, origins: raw.auth.origins },
    tls: raw.tls && {
      cert: resolve(context.folderOf(['tls', 'cert']), raw.tls.cert),
      key: resolve(context.folderOf(['tls', 'key']), raw.tls.key),
    },
    limits: raw.limits,
    store: storeConfig(raw.store),
    recordings: recordingsConfig(raw.recordings, raw.sessions.record),
    shutdown: { totalMs: raw.shutdown.total },
    log: { level: raw.log.level, cleanup: raw.log.cleanup, sizeBytes: raw.log.size, keep: raw.log.keep },
  };
  return { config: freeze(config), problems };
}

function normaliseEngines(
  { engines, pipelines }: RawConfig,
  { folderOf }: NormaliseContext,
  { secret }: SecretResolver,
): Record<string, EngineConfig> {
  return byName(engines, (name, engine) => normaliseEngine(name, engine, { folderOf, secret, pipelines }));
}

interface SecretResolver {
  secret(written: string, path: Path): Secret;
}

function secretResolver({ env, secrets }: NormaliseContext, problems: Problem[]): SecretResolver {
  return {
    secret(written, path) {
      const reference = referenceOf(written);
      if (reference === undefined) return secrets.add(new Secret(written, 'the configuration'));
      const value = reference.valid ? env[reference.name] : undefined;
      if (!reference.valid) {
        problems.push({
          path,
          message: '`env:` is followed by the name of a variable, such as env:TOKEN',
          at: 'value',
        });
      } else if (!value) {
        const state = value === '' ? 'empty' : 'not set';
        const message = `the environment variable ${reference.name} is ${state}`;
        problems.push({ path, message, at: 'value', code: 'secret_missing' });
      }
      return secrets.add(new Secret(value ?? '', written));
    },
  };
}

/** Without a prototype: a caller that asks for the model `constructor` must find nothing. */
function byName<In, Out>(
  things: Readonly<Record<string, In>> | undefined,
  map: (name: string, thing: In) => Out,
): Record<string, Out> {
  const named: Record<string, Out> = Object.create(null);
  for (const [name, thing] of Object.entries(things ?? {})) named[name] = map(name, thing);
  return named;
}

function freeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
  return value;
}
