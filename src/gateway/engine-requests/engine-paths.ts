// The paths that engines answer: what each asks of an engine, and how large a body it takes. Data; the door looks here
// too, so it imports nothing.

export type EnginePathName =
  | 'chat'
  | 'completions'
  | 'embeddings'
  | 'speech'
  | 'transcriptions'
  | 'generate'
  | 'raw';

export interface EnginePath {
  readonly name: EnginePathName;
  /** As it is documented. */
  readonly path: string;
  /** What the engine has to offer; null: nothing is asked of it but that it speaks HTTP. */
  readonly capability: 'chat' | 'embed' | 'speak' | 'transcribe' | null;
  readonly body: 'json' | 'form' | 'any';
  readonly bodyBytesMax: number;
  /** Null: all that there are. */
  readonly methods: readonly string[] | null;
  /** Whether `stream` asks for its answer as a stream of events. */
  readonly streams: boolean;
}

const mebibyte = 1024 * 1024;
/** Of audio, and of chats, which may hold pictures. */
const largeBytesMax = 25 * mebibyte;

const asked = (
  name: EnginePathName,
  path: string,
  capability: EnginePath['capability'],
  more: Partial<EnginePath> = {},
): EnginePath => ({
  ...{ name, path, capability, body: 'json', bodyBytesMax: mebibyte, methods: ['POST'], streams: false },
  ...more,
});

const raw = asked('raw', '/engines/{name}/{path}', null, {
  ...{ body: 'any', bodyBytesMax: largeBytesMax, methods: null },
});

export const enginePaths: readonly EnginePath[] = [
  asked('chat', '/v1/chat/completions', 'chat', { bodyBytesMax: largeBytesMax, streams: true }),
  asked('completions', '/v1/completions', 'chat', { streams: true }),
  asked('embeddings', '/v1/embeddings', 'embed'),
  asked('speech', '/v1/audio/speech', 'speak'),
  asked('transcriptions', '/v1/audio/transcriptions', 'transcribe', {
    ...{ body: 'form', bodyBytesMax: largeBytesMax, streams: true },
  }),
  asked('generate', '/v1/generate', 'chat', { streams: true }),
  raw,
];

const exact = new Map(enginePaths.map((entry) => [entry.path, entry]));

/** Undefined for what is not an engine's to answer. */
export function enginePathOf(pathname: string): EnginePath | undefined {
  return exact.get(pathname) ?? (rawTarget(pathname) ? raw : undefined);
}

/** `/engines/llm/v1/models` → the engine `llm` and the path `/v1/models`. */
export function rawTarget(pathname: string): { readonly engine: string; readonly path: string } | undefined {
  const [, engine, path] = /^\/engines\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
  return engine === undefined ? undefined : { engine, path: path ?? '/' };
}
