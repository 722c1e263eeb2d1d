// Known programs that run on this machine now, told by what they say of themselves: that something answers at a port says
// nothing of what it is.
import { type PresetName, presets } from '../../config/presets.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { type Endpoint, localEndpoint } from '../endpoint.ts';
import { get } from '../http/get.ts';
import { ownerText } from './identity.ts';
import { askModels, namesIn } from './models.ts';

export interface LocalEngine {
  readonly preset: PresetName;
  readonly url: string;
  /** That it tells by now; one that loads tells none. */
  readonly models: readonly string[];
  readonly state: 'running' | 'loading';
}

export interface LookOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** For all of it. */
  readonly timeoutMs: number;
}

type Place = readonly [preset: PresetName, port: number];

/** llama-server's port was 8080 for years. */
const places: readonly Place[] = [
  ['ollama', 11_434],
  ['lmstudio', 1234],
  ['llama-server', 9931],
  ['llama-server', 8080],
];

const host = '127.0.0.1';
const bytesMax = 1024 * 1024;

/** All at once; those that answer in time. Never rejects. */
export async function lookAround(
  options: LookOptions,
  where: readonly Place[] = places,
): Promise<readonly LocalEngine[]> {
  const endMs = options.clock.now() + options.timeoutMs;
  const found = await Promise.all(where.map((place) => look(place, endMs, options)));
  return found.filter((engine) => engine !== undefined);
}

async function look(
  [preset, port]: Place,
  endMs: number,
  { clock, signal }: LookOptions,
): Promise<LocalEngine | undefined> {
  const endpoint = localEndpoint({ host, port });
  const base = { preset, url: `http://${host}:${port}` };
  const leftMs = () => Math.max(1, endMs - clock.now());
  if (preset === 'llama-server') return llamaServer(base, endpoint, { clock, signal, timeoutMs: leftMs() });
  const { http: path, body = '' } = presets[preset].ready;
  const greeting = await get({ endpoint, path, timeoutMs: leftMs(), bytesMax }, clock, signal);
  if (greeting.state !== 'answered' || greeting.status !== 200 || !greeting.text.includes(body))
    return undefined;
  const told = await askModels(endpoint, { clock, timeoutMs: leftMs(), signal });
  return { ...base, models: told.state === 'told' ? told.names : [], state: 'running' };
}

/** It names itself in its list of models, and while it loads in the head of every answer. */
async function llamaServer(
  base: Pick<LocalEngine, 'preset' | 'url'>,
  endpoint: Endpoint,
  { clock, signal, timeoutMs }: LookOptions,
): Promise<LocalEngine | undefined> {
  const answer = await get({ endpoint, path: '/v1/models', timeoutMs, bytesMax }, clock, signal);
  if (answer.state !== 'answered') return undefined;
  const { status, text, server } = answer;
  if (status === 503 && server === 'llama.cpp') return { ...base, models: [], state: 'loading' };
  if (status !== 200 || !text.includes(ownerText('llama-server') ?? '')) return undefined;
  return { ...base, models: namesIn(text) ?? [], state: 'running' };
}
