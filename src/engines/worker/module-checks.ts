// What a worker engine's module must be and give, checked where it runs: the gateway gets only what the contract says.
import { pathToFileURL } from 'node:url';
import {
  type ChatPart,
  capabilities,
  type EngineModule,
  isRate,
  type LoadedEngine,
  type PcmChunk,
  rateExpected,
  type TranscriptPart,
} from '../contract.ts';
import { areFrames, isChatPart, isVector, partExpected } from './from-host.ts';
import { type Frames, ownBuffer } from './protocol.ts';

/** Throws with what is wrong with it. */
export async function importEngine(path: string): Promise<EngineModule> {
  const { default: engine } = (await import(pathToFileURL(path).href)) as { default?: Partial<EngineModule> };
  if (typeof engine !== 'object' || engine === null) throw new Error('it has no default export');
  const { contract, offers, concurrency = 1, load } = engine;
  if (contract !== 1)
    throw new Error(`contract ${String(contract)} is not known; this gateway speaks contract 1`);
  if (!Array.isArray(offers) || offers.length === 0) throw new Error('`offers` names no capability');
  const unknown = offers.filter((offer) => !capabilities.includes(offer));
  if (unknown.length > 0)
    throw new Error(
      `it offers ${unknown.join(', ')}; what an engine can offer is ${capabilities.join(', ')}`,
    );
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new Error(`\`concurrency\` is ${String(concurrency)}, not a whole number from 1`);
  if (typeof load !== 'function') throw new Error('`load` is not a function');
  return engine as EngineModule;
}

/** Throws when `load` gave less than the module offers. */
export function checkLoaded(engine: EngineModule, loaded: LoadedEngine): void {
  if (typeof loaded !== 'object' || loaded === null) throw new Error('load() gave no object');
  const missing = engine.offers.filter((capability) => typeof loaded[capability] !== 'function');
  if (missing.length > 0)
    throw new Error(`it offers ${missing.join(', ')}, but load() gave no such function`);
}

export function checkedChunk(value: unknown): PcmChunk {
  const { pcm, rate } = (value ?? {}) as Partial<PcmChunk>;
  if (!(pcm instanceof Int16Array)) throw new Error('speak() yielded something without `pcm`, an Int16Array');
  if (!isRate(rate)) throw new Error(`speak() yielded a \`rate\` of ${String(rate)}, not ${rateExpected}`);
  return { pcm: ownBuffer(pcm), rate };
}

/** What else it has is left out: only what is known travels. */
export function checkedPart(value: unknown): ChatPart {
  if (!isChatPart(value)) throw new Error(`chat() yielded something else than ${partExpected}`);
  if ('text' in value && value.text !== undefined) return { text: value.text };
  if ('toolCall' in value && value.toolCall !== undefined) {
    const { id, name, arguments: given } = value.toolCall;
    return { toolCall: { id, name, arguments: given } };
  }
  const { finish, usage } = value as Extract<ChatPart, { finish: string }>;
  return { finish, ...(usage && { usage: { ...usage } }) };
}

export function checkedTranscript(value: unknown): TranscriptPart {
  const { text, final } = (value ?? {}) as Partial<TranscriptPart>;
  if (typeof text !== 'string' || typeof final !== 'boolean')
    throw new Error('transcribe() yielded something else than { text, final }, a text and true or false');
  return { text, final };
}

export function checkedVectors(value: unknown): readonly Float32Array[] {
  // Not `map`: it passes over the holes of a list.
  const vectors = Array.isArray(value) ? Array.from(value as unknown[]) : undefined;
  if (!vectors?.every((vector) => vector instanceof Float32Array && vector.length > 0))
    throw new Error('embed() gave something else than a list of Float32Arrays with something in them');
  return (vectors as Float32Array[]).map(ownBuffer).filter(isVector);
}

export function checkedFrames(value: unknown): Frames {
  if (!areFrames(value))
    throw new Error('push() gave something else than a list of { speech } with a number each');
  return value.map(({ speech }) => ({ speech }));
}
