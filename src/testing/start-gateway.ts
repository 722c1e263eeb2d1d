// A gateway for one test, in the test's own process: a folder of its own, any free port, gone with everything it held
// when the test ends.
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anObject, checkAll, type Rules } from '../client/given.ts';
import type { EngineStatus } from '../engines/status.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { missingEngines } from '../gateway/health.ts';
import { startGateway as start } from '../gateway/start.ts';
import { systemClock } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';

export interface TestGatewayOptions {
  /** What a greenroom.yaml would hold. Default: the embedded echo call. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Where `env:NAME` is looked up. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the engines may take to be ready, in ms. Default 30,000. */
  readonly readyMs?: number;
}

export interface TestGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  /** A folder that is removed at the end. The data directory is `data` in it. */
  readonly folder: string;
  /** Resolves when every engine is ready; rejects with why one is not, and its last lines. */
  ready(): Promise<void>;
  engine(name: string): EngineStatus | undefined;
}

const readyMsDefault = 30_000;
const rules: Rules<TestGatewayOptions> = {
  config: anObject,
  env: anObject,
  readyMs: { expected: 'a number of ms above 0', fits: (ms) => Number(ms) > 0 },
};

/**
 * Resolves when the door is open; engines load behind it.
 *
 *     await using gateway = await startGateway({ config: { engines: { llm: faultyEngine() }, pipelines: {} } });
 *     await gateway.ready();
 *
 * @throws GreenroomError `bad_usage`; for a configuration that cannot be used; nothing is left then
 */
export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { config, env, readyMs = readyMsDefault } = checkAll('', options, rules);
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'greenroom-testing-')));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, 'greenroom.json');
    if (config) await writeFile(file, JSON.stringify(config));
    const gateway = await start({
      ...(config && { file }),
      ...(env && { env }),
      ...{ listen: '127.0.0.1:0', data: join(folder, 'data'), cwd: folder },
    });
    return {
      ...{ gateway, folder, url: gateway.url },
      ready: () => ready(gateway, readyMs),
      engine: (name) => gateway.engines().find((engine) => engine.name === name),
      async [Symbol.asyncDispose]() {
        await gateway.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function ready(gateway: Gateway, ms: number): Promise<void> {
  const deadline = new Deadline(systemClock, ms);
  const waited = await deadline.wait(gateway.whenReady());
  deadline.dispose();
  const late = waited.state === 'expired';
  const missing = waited.state === 'done' ? waited.value.missing : missingEngines(gateway.engines());
  if (missing.length === 0) return;
  const lines = missing.flatMap(({ name, state, rung, failure }) => [
    `engine ${name} is ${state}${rung ? ` at ${rung}` : ''}${failure ? `: ${failure.message}` : ''}`,
    ...(failure?.logTail.map((line) => `  | ${line}`) ?? []),
  ]);
  throw new Error(`not ready${late ? ` in ${ms} ms` : ''}:\n${lines.join('\n')}`);
}
