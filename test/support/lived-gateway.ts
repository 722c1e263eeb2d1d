// A gateway that has had something of everything that is measured: for what is held against a real scrape.
import { faultyEngine, startGateway, type TestGateway } from '../../src/testing/index.ts';
import { Caller } from './caller.ts';
import { until } from './poll.ts';

const json = { 'content-type': 'application/json' };

const config = {
  engines: {
    voice: { builtin: 'flite' },
    activity: { builtin: 'silero' },
    mind: faultyEngine(),
    broken: { ...faultyEngine({ fault: 'exits-at-start' }), start: 'lazy' },
  },
  pipelines: {
    echo: { kind: 'echo', speak: 'voice', vad: 'activity' },
    default: {
      ...{ kind: 'cascade', think: 'mind', speak: 'voice' },
      tasks: { summary: { think: 'mind', instructions: 'Say it short.' } },
    },
  },
};

export async function livedGateway(): Promise<TestGateway> {
  const stage = await startGateway({ config });
  try {
    await stage.ready();
    await live(stage);
    return stage;
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}

async function live({ gateway, url }: TestGateway): Promise<void> {
  const post = (path: string, body: object) =>
    fetch(`${url}${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) }).then((response) =>
      response.arrayBuffer(),
    );
  await watched(url, async () => void gateway.publish('a', { n: 1 }));
  await post('/v1/events', { topic: 'a..b', data: 1 });
  await post('/v1/audio/speech', { model: 'voice', input: 'Hello.' });
  await post('/api/engines/broken/start', {});
  await until(async () => (await scrape(url)).includes('greenroom_engine_failures_total{'), {
    ...{ timeoutMs: 20_000, what: 'the engine that fails' },
  });
  for (const pipeline of ['echo', 'default']) {
    await using caller = await Caller.call(url, `?notices=1&model=${pipeline}`);
    await caller.lobby('ready');
    caller.say('Hello.');
    await caller.event('response.done');
    const { session } = (await caller.event('session.created')) as unknown as {
      readonly session: { readonly id: string };
    };
    if (pipeline === 'echo') continue;
    await post(`/api/sessions/${session.id}/tasks/summary`, {});
    await caller.event('greenroom.task', ({ state }) => state === 'done');
  }
}

/** While somebody watches. */
async function watched(url: string, work: () => Promise<void>, query = ''): Promise<void> {
  const controller = new AbortController();
  const sse = { headers: { accept: 'text/event-stream' }, signal: controller.signal };
  const response = await fetch(`${url}/v1/events${query}`, sse);
  const reader = response.body?.getReader();
  await reader?.read();
  try {
    await work();
  } finally {
    await reader?.cancel();
    controller.abort();
  }
}

export const scrape = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();
