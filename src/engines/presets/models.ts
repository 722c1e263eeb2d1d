// What an engine says of its models (`GET /v1/models`), and by that of itself: which program it is, which instance.
import type { Clock } from '../../lifecycle/clock.ts';
import type { Endpoint } from '../endpoint.ts';
import { get } from '../http/get.ts';

export type ModelsAnswer =
  | { readonly state: 'told'; readonly names: readonly string[]; readonly text: string }
  /** `status`: of an answer that is none. */
  | { readonly state: 'untold'; readonly why: string; readonly status?: number };

const path = '/v1/models';
/** OpenAI's own list has some 20 KB. */
const bytesMax = 4 * 1024 * 1024;

/** Never throws. */
export async function askModels(
  endpoint: Endpoint,
  options: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ModelsAnswer> {
  const { clock, timeoutMs, signal } = options;
  const answer = await get({ endpoint, path, timeoutMs, bytesMax }, clock, signal);
  if (answer.state !== 'answered') return { state: 'untold', why: answer.why };
  const { status, text } = answer;
  if (status !== 200) return { state: 'untold', why: `HTTP ${status} from ${path}`, status };
  const names = namesIn(text);
  return names ? { state: 'told', names, text } : { state: 'untold', why: `${path} lists no models`, status };
}

/** Undefined for what is no list. An embedding model is the last choice of those that have more. */
export function namesIn(text: string): readonly string[] | undefined {
  try {
    const { data } = JSON.parse(text) as { readonly data?: unknown };
    if (!Array.isArray(data)) return undefined;
    const names = data.flatMap((model: { readonly id?: unknown } | null) =>
      typeof model?.id === 'string' && isName(model.id) ? [model.id] : [],
    );
    const embeds = (name: string) => /embed/i.test(name);
    return [...names.filter((name) => !embeds(name)), ...names.filter(embeds)];
  } catch {
    return undefined;
  }
}

/** What is shown to people, and sent back, is one line of no great length. */
const isName = (text: string): boolean => /^[^\p{C}]{1,256}$/u.test(text);

/** `qwen3:latest` is what Ollama calls `qwen3`. */
export function isListed(names: readonly string[], wanted: string): boolean {
  return names.some((name) => name === wanted || name === `${wanted}:latest`);
}
