// How an engine is started anew while it is used: beside the old one, which serves those who have it until they have
// gone, or in its place, where there is no room for two.
import { stat } from 'node:fs/promises';
import type { EngineConfig, RunEngineConfig } from '../config/types.ts';
import { llamaProgram } from './builtin/llama-program.ts';

/** `kept`: it is somebody else's, and there is nothing of ours to start. */
type RenewalWay = 'beside' | 'in_place' | 'kept';

export interface Renewal {
  readonly name: string;
  readonly way: RenewalWay;
  /** Why not beside; null where it is. */
  readonly why: string | null;
}

/**
 * @param after what it is to be; the same where nothing has changed
 * @param available bytes that a process could get now; null where nobody knows
 */
export async function renewalOf(
  before: EngineConfig,
  after: EngineConfig,
  available: () => Promise<number | null>,
): Promise<Renewal> {
  const { name } = after;
  if (after.kind === 'url' && !after.otherwise && after === before)
    return { name, way: 'kept', why: 'it is not ours: nothing of it is started here' };
  const why = conflict(before, after) ?? (await tooLarge(after, available));
  return { name, way: why === null ? 'beside' : 'in_place', why };
}

/** What both would have to have for themselves. */
function conflict(before: EngineConfig, after: EngineConfig): string | null {
  if (after.group !== undefined && after.group === before.group)
    return `of the engines of group ${after.group} one is loaded at a time`;
  const [old, next] = [programOf(before), programOf(after)];
  if (!old || !next) return null;
  if (next.socket === undefined && typeof next.port === 'number' && next.port === old.port)
    return `its port is always ${next.port}; with \`port: auto\` two can run`;
  if (next.socket !== undefined && next.socket !== 'auto' && next.socket === old.socket)
    return `its socket is always ${next.socket}; with \`socket: auto\` two can run`;
  const sameFile = next.model?.path === old.model?.path;
  if (sameFile && (next.model?.exclusive || old.model?.exclusive))
    return `its model ${next.model?.path} is \`exclusive\``;
  return null;
}

/** A model that does not fit beside itself would push the other one out of memory. */
async function tooLarge(
  config: EngineConfig,
  available: () => Promise<number | null>,
): Promise<string | null> {
  const model = programOf(config)?.model;
  if (!model) return null;
  const size = (await stat(model.path).catch(() => undefined))?.size;
  const free = await available();
  if (size === undefined || free === null || size < free) return null;
  const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
  return `its model takes ${mebibytes(size)}, and ${mebibytes(free)} of memory are free`;
}

function programOf(config: EngineConfig): RunEngineConfig | undefined {
  if (config.kind === 'run') return config;
  if (config.kind === 'url') return config.otherwise;
  return config.kind === 'builtin' && config.builtin === 'llama' ? llamaProgram(config) : undefined;
}
