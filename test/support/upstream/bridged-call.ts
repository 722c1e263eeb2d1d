// One call through a gateway to a scripted upstream, all of it in the test's own process.
import { startGateway, type TestGateway } from '../../../src/testing/index.ts';
import { Caller } from '../caller.ts';
import { ScriptedUpstream, type ScriptedUpstreamOptions, type UpstreamConnection } from './scripted.ts';

export interface BridgedCallOptions extends ScriptedUpstreamOptions {
  /** What the pipeline has beside its kind and URL. */
  readonly bridge?: object;
  /** What the configuration has beside its pipelines. */
  readonly config?: object;
}

export interface BridgedCall extends AsyncDisposable {
  readonly upstream: ScriptedUpstream;
  readonly gateway: TestGateway;
  readonly caller: Caller;
  /** Of a call that got through. */
  readonly connection: UpstreamConnection;
}

export async function bridgedCall(options: BridgedCallOptions = {}): Promise<BridgedCall> {
  const { bridge, config, ...scripted } = options;
  const upstream = await ScriptedUpstream.start(scripted);
  const gateway = await bridgeTo(upstream.url, { bridge, config });
  const caller = await Caller.call(gateway.url);
  if (!options.refuses && options.opens !== 'never') await upstream.connection();
  return {
    ...{ upstream, gateway, caller },
    get connection() {
      const [connection] = upstream.connections;
      if (!connection) throw new Error('no call got through to upstream');
      return connection;
    },
    async [Symbol.asyncDispose]() {
      await caller[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

export function bridgeTo(
  url: string,
  { bridge, config }: { readonly bridge?: object | undefined; readonly config?: object | undefined } = {},
): Promise<TestGateway> {
  const pipelines = { default: { kind: 'bridge', url, ...bridge } };
  return startGateway({ config: { engines: {}, pipelines, ...config }, env: { KEY: 'sk-very-secret-key' } });
}
