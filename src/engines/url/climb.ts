// The ladder of an engine that runs already: it answers as one of its kind, it has the model that is wanted and, only
// where that is asked for, it gives output.
import type { UrlEngineConfig } from '../../config/types.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { endpointText } from '../endpoint.ts';
import type { HttpCalls } from '../http/calls.ts';
import { climbGenerated } from '../http/generated.ts';
import { type Climbed, climbHttp, type Refusal } from '../http/ladder.ts';
import type { Pace } from '../http/pace.ts';
import { answerText, type ProbeTarget } from '../http/probe.ts';
import { mustListModel, ownerText } from '../presets/identity.ts';
import { askModels, isListed } from '../presets/models.ts';
import type { Rung } from '../state.ts';

export interface UrlClimbOptions {
  readonly config: UrlEngineConfig;
  readonly target: ProbeTarget;
  readonly calls: HttpCalls;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly scope: Scope;
  readonly signal: AbortSignal;
  readonly climbed: (rung: Rung, evidence: string) => void;
  readonly progressed: (text: string) => void;
  /** What it calls its model. */
  readonly named: (model: string) => void;
}

export async function climbUrl(options: UrlClimbOptions): Promise<Climbed> {
  const { config, target, clock, pace, signal, climbed, progressed } = options;
  const reached = await climbHttp({ target, clock, pace, signal, climbed, progressed, expected: 'there' });
  if (reached.state !== 'done') return reached;
  const models = await modelsOf(options);
  if (signal.aborted) return { state: 'aborted' };
  if (models.refusal) return { state: 'refused', refusal: models.refusal };
  const shown = { state: 'answered', status: config.ready.status, body: 'right' } as const;
  climbed('loaded', [answerText(shown, target), ...models.evidence].join(', '));
  return config.ready.generate ? climbGenerated(options) : { state: 'done' };
}

interface Models {
  readonly evidence: readonly string[];
  readonly refusal?: Refusal;
}

/** Whether it is what it should be, and has the model. Where nobody says, the first it has is taken. */
async function modelsOf({ config, target, clock, signal, named }: UrlClimbOptions): Promise<Models> {
  const { preset, modelName } = config;
  const owner = ownerText(preset);
  const must = mustListModel(preset);
  if (modelName !== undefined && owner === undefined && !must) return { evidence: [] };
  const { endpoint, timeoutMs } = target;
  const where = endpointText(endpoint);
  const told = await askModels(endpoint, { clock, timeoutMs, signal });
  if (told.state === 'untold') {
    // Only who has to know needs to be told.
    const why = `${where} does not say which models it has: ${told.why}`;
    if (owner === undefined && !must) return { evidence: [] };
    return { evidence: [], refusal: { code: 'engine_unfit', why, kind: 'passing' } };
  }
  if (owner !== undefined && !told.text.includes(owner)) {
    const why = `${where} is no ${preset}: its list of models does not name ${owner} as their owner`;
    return { evidence: [], refusal: { code: 'engine_unfit', why, kind: 'passing' } };
  }
  const { names } = told;
  if (must && (modelName === undefined ? names.length === 0 : !isListed(names, modelName)))
    return { evidence: [], refusal: missing(config, names) };
  const model = modelName ?? names[0];
  if (model === undefined) return { evidence: [] };
  named(model);
  return { evidence: [`model ${model}`] };
}

function missing({ preset, modelName, url }: UrlEngineConfig, names: readonly string[]): Refusal {
  const there = names.length > 0 ? `there are ${names.slice(0, 10).join(', ')}` : 'it has none';
  const get = preset === 'ollama' ? `\`ollama pull ${modelName ?? 'MODEL'}\`` : `load one in ${preset}`;
  const what = modelName === undefined ? 'no model' : `no model ${modelName}`;
  return { code: 'engine_unfit', why: `${url} has ${what}; ${there}; ${get}`, kind: 'passing' };
}
