// The ladder of a program that runs: it listens, it is ours, it answers, it is loaded, it has given output. Each rung
// with its evidence. Ends with the first thing that is no way to become ready.
import type { RunEngineConfig } from '../../config/types.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { endpointText } from '../endpoint.ts';
import type { HttpCalls } from '../http/calls.ts';
import { climbGenerated } from '../http/generated.ts';
import { type Climbed, climbHttp, type Owner, type Refusal } from '../http/ladder.ts';
import type { Pace } from '../http/pace.ts';
import { answerText, type ProbeTarget } from '../http/probe.ts';
import { instanceAlias, namesInstance } from '../presets/identity.ts';
import { askModels } from '../presets/models.ts';
import type { Rung } from '../state.ts';
import type { AskOwnership } from './ownership.ts';
import type { Place } from './place.ts';

export interface ClimbOptions {
  readonly config: RunEngineConfig;
  readonly place: Place;
  readonly target: ProbeTarget;
  readonly pid: number;
  readonly marker: string;
  readonly calls: HttpCalls;
  readonly ask: AskOwnership;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly scope: Scope;
  readonly signal: AbortSignal;
  /** Resolves when the line that it has to write has come. */
  readonly said: Promise<void>;
  readonly climbed: (rung: Rung, evidence: string) => void;
  readonly progressed: (text: string) => void;
}

/** From `alive` on. All conditions that are given must hold. */
export async function climb(options: ClimbOptions): Promise<Climbed> {
  const { config, target, clock, pace, signal, climbed, progressed } = options;
  const { ready } = config;
  let owner: Owner = { state: 'unclear' };
  if (ready.http !== undefined) {
    const ask = async () => {
      owner = await ownerOf(options);
      return owner;
    };
    const asked = ready.owned ? { owner: ask } : {};
    const reached = await climbHttp({
      ...{ target, clock, pace, signal, climbed, progressed, ...asked },
      expected: 'coming',
    });
    if (reached.state !== 'done') return reached;
    const refusal = ready.owned && isUnclear(owner) ? await strangerByName(options) : undefined;
    if (refusal) return { state: 'refused', refusal };
  }
  if (ready.log !== undefined && !signal.aborted) {
    progressed(`waiting for the log line "${ready.log}"`);
    await options.said;
  }
  if (signal.aborted) return { state: 'aborted' };
  const shown = { state: 'answered', status: ready.status, body: 'right' } as const;
  const answered = ready.http === undefined ? [] : [answerText(shown, target)];
  const wrote = ready.log === undefined ? [] : [`it wrote "${ready.log}"`];
  climbed('loaded', [...answered, ...wrote].join(', '));
  return ready.generate ? climbGenerated(options) : { state: 'done' };
}

/** The owner is set by a callback, which the compiler does not see. */
const isUnclear = (owner: Owner): boolean => owner.state === 'unclear';

async function ownerOf({ ask, place, pid, marker }: ClimbOptions): Promise<Owner> {
  const found = await ask(place.address, { pgid: pid, marker });
  switch (found.state) {
    case 'owned':
      return {
        state: 'ours',
        evidence: `a process of this engine listens at ${endpointText(place.endpoint)}`,
      };
    case 'stranger':
      return { state: 'refused', refusal: stranger(place, `it is held by ${found.holder}`) };
    case 'nobody':
    case 'unknown':
      return { state: 'unclear' };
  }
}

/** Where nobody can tell who listens, a program that was given a name for this instance has to know it. */
async function strangerByName(options: ClimbOptions): Promise<Refusal | undefined> {
  const { config, place, marker, clock, signal, climbed } = options;
  if (!namesInstance(config.run)) return undefined;
  const timeoutMs = config.ready.probeTimeoutMs;
  const told = await askModels(place.endpoint, { clock, timeoutMs, signal });
  const alias = instanceAlias(marker);
  if (told.state === 'told' && !told.text.includes(alias))
    return stranger(place, `what answers there is another instance: its models are ${told.names.join(', ')}`);
  if (told.state === 'told') climbed('owned', `/v1/models names ${alias}`);
  return undefined;
}

/** Of a port that we chose another one may do; a fixed one is held until somebody does something. */
function stranger({ endpoint, choice }: Place, why: string): Refusal {
  const next =
    choice === 'chosen'
      ? 'another one is tried next'
      : 'end it, or use `port: auto` (`ready.owned: false` takes a proxy for it)';
  return {
    code: 'engine_port_taken',
    why: `a stranger answers at ${endpointText(endpoint)}: ${why}; ${next}`,
    kind: choice === 'chosen' ? 'passing' : 'lasting',
  };
}
