// By what a preset's program is known, besides that it answers: what its list of models says of it.
import { instanceName } from '../../config/presets.ts';

/** Text that `/v1/models` of somebody else's program holds; undefined where its health path says enough. */
const owners: Readonly<Record<string, string>> = {
  'llama-server': '"llamacpp"',
  vllm: '"vllm"',
  sglang: '"sglang"',
};

export function ownerText(preset: string | undefined): string | undefined {
  return preset !== undefined && Object.hasOwn(owners, preset) ? owners[preset] : undefined;
}

/** Whether a command gives the instance a name by which its list of models shows it to be ours. */
export function namesInstance(run: readonly string[]): boolean {
  return run.includes(instanceName);
}

/** `greenroom-1f3a5b7c`. */
export function instanceAlias(marker: string): string {
  return instanceName.replace('${instance}', instanceId(marker));
}

/** Of `${instance}`: enough to tell one from another, and no more of its marker than that. */
export const instanceId = (marker: string): string => marker.slice(0, 8);

/** Servers of many models, of which one has to be there before anybody asks for it. */
const listsItsModels: readonly string[] = ['ollama', 'lmstudio'];

export const mustListModel = (preset: string | undefined): boolean =>
  preset !== undefined && listsItsModels.includes(preset);
