// The normalised configuration: what the rest of greenroom reads. Durations are in ms, sizes in bytes, paths are
// absolute, `env:` is resolved, every default is filled in. Frozen; made once by `loadConfig`.
import type { ListenAddress } from './listen.ts';
import type { Secret } from './secrets.ts';

export interface Config {
  readonly listen: ListenAddress;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly engines: Readonly<Record<string, EngineConfig>>;
  readonly pipelines: Readonly<Record<string, PipelineConfig>>;
  /** The pipeline of a session that names no model: the one called `default`, or the only one there is. */
  readonly defaultPipeline: string | undefined;
  /** In the order of the file: the first glob that matches decides. */
  readonly aliases: readonly { readonly glob: string; readonly pipeline: string }[];
  readonly unknownModel: 'refuse' | 'default';
  readonly sessions: SessionsConfig;
  readonly events: EventsConfig;
  readonly auth: AuthConfig;
  readonly tls: TlsConfig | undefined;
  readonly limits: { readonly connections: number };
  readonly store: StoreConfig;
  readonly recordings: RecordingsConfig;
  readonly shutdown: { readonly totalMs: number };
  readonly log: LogConfig;
}

export type CapabilityName = 'chat' | 'transcribe' | 'speak' | 'embed' | 'vad';

export type EngineConfig = BuiltinEngineConfig | WorkerEngineConfig | RunEngineConfig | UrlEngineConfig;

/** What every engine has, whatever its kind. */
export interface EngineBasics {
  readonly name: string;
  /** `lazy`: when somebody first needs it. */
  readonly start: 'eager' | 'lazy';
  /** Unloaded when nobody has used it for so long; undefined: never. */
  readonly idleMs: number | undefined;
  /** Of the engines of one group one is loaded at a time. */
  readonly group: string | undefined;
  /** Calls that may wait until it is ready, and how long each. */
  readonly waiting: { readonly max: number; readonly ms: number };
  /** A stop or restart waits so long for the calls under way. */
  readonly drainMs: number;
  /** From TERM to KILL; bounded by what is left of `shutdown.totalMs`. */
  readonly stopGraceMs: number;
  /** How long a cancelled call may go on before its result is dropped. */
  readonly cancelGraceMs: number;
  /** Whether its output is kept in `engines/NAME/` of the data directory. */
  readonly keepLog: boolean;
  /** What the engine can do; undefined where only loading it tells. */
  readonly offers: readonly CapabilityName[] | undefined;
}

export interface ReadyLimits {
  /** Without any sign of progress for so long, the start has failed. */
  readonly stallMs: number;
  /** The start as a whole. */
  readonly totalMs: number;
}

export interface BuiltinEngineConfig extends EngineBasics {
  readonly kind: 'builtin';
  readonly builtin: 'flite' | 'silero' | 'llama';
  readonly options: Readonly<Record<string, unknown>>;
  readonly ready: ReadyLimits;
}

export interface WorkerEngineConfig extends EngineBasics {
  readonly kind: 'worker';
  /** Absolute path of the module. */
  readonly worker: string;
  readonly isolate: 'process' | 'thread';
  readonly options: Readonly<Record<string, unknown>>;
  readonly ready: ReadyLimits;
  /** What its module has to offer, and for whom: what it does offer is known when it has loaded. */
  readonly needed: readonly NeededOffer[];
}

export interface NeededOffer {
  readonly capability: CapabilityName;
  /** A place of the configuration: `pipelines.default.think`. */
  readonly by: string;
}

export interface RunEngineConfig extends EngineBasics {
  readonly kind: 'run';
  /** What it was made from, where it was not written out. */
  readonly preset: string | undefined;
  /** Program and arguments, with variables such as `${port}` that are filled in at each start. Never empty. */
  readonly run: readonly string[];
  readonly host: string;
  readonly port: 'auto' | number;
  /** It listens on a UNIX socket in place of host and port: a path, or `auto`. */
  readonly socket: 'auto' | string | undefined;
  readonly env: Readonly<Record<string, string | Secret>>;
  /** Absolute. */
  readonly cwd: string;
  readonly model: ModelFileConfig | undefined;
  /** The name that it knows its model by, where that is not the engine's own. */
  readonly modelName: string | undefined;
  readonly ready: RunReadyConfig;
}

/** A file that is checked before each start and watched while the engine runs. */
export interface ModelFileConfig {
  /** Absolute. */
  readonly path: string;
  /** What its first bytes must be; undefined where nobody knows. */
  readonly format: 'gguf' | undefined;
  /** Whether a start is refused while somebody else holds the file. */
  readonly exclusive: boolean;
}

/** Somebody else's engine: asked and watched, never started or stopped. */
export interface UrlEngineConfig extends EngineBasics {
  readonly kind: 'url';
  readonly preset: string | undefined;
  /** `http:` or `https:`; what stands before `/v1/...`, without a slash at its end. */
  readonly url: string;
  /** Sent as `Authorization: Bearer ...`. */
  readonly key: Secret | undefined;
  readonly modelName: string | undefined;
  readonly ready: HttpReadyConfig;
  /** While it is ready and nobody uses it, it is asked this often whether it is there. */
  readonly checkEveryMs: number;
  /** Started by us when nobody listens there; it is ours then. */
  readonly otherwise?: RunEngineConfig;
}

/** All conditions that are given must hold. */
export interface HttpReadyConfig extends ReadyLimits {
  readonly http: string | undefined;
  readonly status: number;
  /** Statuses that are normal while it loads; any other than these and `status` is a failure. Undefined: all are. */
  readonly loading: readonly number[] | undefined;
  /** Text that the body of a ready answer holds. */
  readonly body: string | undefined;
  readonly probeTimeoutMs: number;
  /** Whether one small real request has to be answered. */
  readonly generate: boolean;
  readonly generateTimeoutMs: number;
}

export interface RunReadyConfig extends HttpReadyConfig {
  /** A line of the engine's output contains this text. */
  readonly log: string | undefined;
  /** Whether what listens must be of the engine's own family of processes. */
  readonly owned: boolean;
}

/** Background work of a pipeline's sessions. */
export interface TaskConfig {
  readonly name: string;
  readonly think: string;
  readonly instructions: string;
  /** A JSON schema that can be used; undefined: the result is text. */
  readonly schema: Readonly<Record<string, unknown>> | undefined;
  /** By which the model triggers it; undefined: it cannot. */
  readonly tool: { readonly name: string; readonly description: string } | undefined;
  readonly on: 'end' | undefined;
  /** Undefined: the result is not told aloud. */
  readonly speak:
    | { readonly voice: string | undefined; readonly instructions: string | undefined }
    | undefined;
  readonly limitMs: number;
}

export type PipelineConfig = EchoPipelineConfig | CascadePipelineConfig | BridgePipelineConfig;

export interface EchoPipelineConfig {
  readonly name: string;
  readonly kind: 'echo';
  readonly speak: string;
  readonly vad: string;
  /** Every engine that has to be ready, each once: `speak`, `vad` and the further ones of `needs`. */
  readonly needs: readonly string[];
  readonly instructions: string | undefined;
  readonly voice: string | undefined;
}

export interface CascadePipelineConfig {
  readonly name: string;
  readonly kind: 'cascade';
  /** What hears, and what tells when somebody speaks; undefined: callers type. */
  readonly ears: { readonly hear: string; readonly vad: string } | undefined;
  readonly think: string;
  /** Undefined: callers read. */
  readonly speak: string | undefined;
  /** Every engine that has to be ready, each once: those above and the further ones of `needs`. */
  readonly needs: readonly string[];
  readonly instructions: string | undefined;
  readonly voice: string | undefined;
  /** ISO 639-1; undefined where the engine has to find out. */
  readonly language: string | undefined;
  /** Said while `think` is slow; undefined: nothing. */
  readonly filler: { readonly afterMs: number; readonly texts: readonly string[] } | undefined;
  /** What a session may choose; undefined: what the voice itself is known to have. */
  readonly voices: readonly string[] | undefined;
  readonly tasks: readonly TaskConfig[];
}

export interface BridgePipelineConfig {
  readonly name: string;
  readonly kind: 'bridge';
  /** `ws:` or `wss:`, with its query. */
  readonly url: string;
  /** Sent as `Authorization: Bearer ...`. */
  readonly key: Secret | undefined;
  /** Sent with the upgrade. Names in small letters. */
  readonly headers: Readonly<Record<string, string | Secret>>;
  /** Until upstream's `session.created`. */
  readonly openTimeoutMs: number;
  /** Engines that have to be ready first, each once. */
  readonly needs: readonly string[];
  readonly instructions: string | undefined;
  readonly voice: string | undefined;
  /** Upstream's model that writes down what callers say; undefined: it does not, unless a caller asks for it. */
  readonly transcribe: string | undefined;
  readonly tasks: readonly TaskConfig[];
}

export interface SessionsConfig {
  readonly max: number;
  readonly lobby: {
    readonly waitMs: number;
    readonly audio: { readonly ageMs: number; readonly bytesMax: number; readonly bytesTotalMax: number };
  };
  readonly keepaliveMs: number;
  /** Sessions stay in a generation that is not current any more for so long. */
  readonly drainMs: number;
  /** Output that a client has not read. */
  readonly queueBytesMax: number;
  /** A client that was lost may come back for so long. */
  readonly resumeMs: number;
}

export interface RecordingsConfig {
  /** Whether every session is recorded from its beginning. */
  readonly begins: 'on' | 'off';
  /** After its end. */
  readonly keepMs: number;
  readonly countMax: number;
  readonly bytesMax: number;
  /** Of one that is imported. */
  readonly importBytesMax: number;
}

/** `sqlite`: `greenroom.db` in the data directory. */
export type StoreConfig =
  | { readonly kind: 'none' }
  | { readonly kind: 'sqlite'; readonly keepMs: number; readonly bytesMax: number };

export interface EventsConfig {
  readonly history: { readonly events: number; readonly bytes: number; readonly ageMs: number };
  readonly slow: {
    readonly warnMs: number;
    readonly actMs: number;
    readonly policy: 'evict' | 'skip' | 'conflate';
  };
  readonly keepaliveMs: number;
}

export interface AuthConfig {
  readonly tokens: readonly Secret[];
  readonly admin: readonly Secret[];
  /** For each of `tokens`: which topics it may watch, and publish on, as patterns. */
  readonly grants: readonly TopicGrant[];
  /** `https://host[:port]`, as browsers send it. */
  readonly origins: readonly string[];
}

export interface TopicGrant {
  readonly token: Secret;
  readonly watch: readonly string[];
  readonly publish: readonly string[];
}

/** PEM files, absolute. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogConfig {
  readonly level: LogLevel;
  /** Whether every release (what, whose, how long) is logged. */
  readonly cleanup: boolean;
  /** A log file that would be larger is followed by a new one. */
  readonly sizeBytes: number;
  /** Log files of before; of an engine, also its runs. */
  readonly keep: number;
}
