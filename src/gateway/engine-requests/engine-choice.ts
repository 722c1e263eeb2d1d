// Which engine answers a request: by the name that it gives (of the engine, of the model that the engine has, an alias),
// or of a pipeline that has one), by what it wants done otherwise. Pure.
import { GreenroomError } from '../../lifecycle/errors.ts';
import { globMatches } from '../glob.ts';

export interface Candidate {
  readonly name: string;
  /** What its engine calls its model, where that is another name. */
  readonly modelName: string | undefined;
  /** Undefined while only loading it will tell. */
  readonly offers: readonly string[] | undefined;
}

export interface ChoiceRequest {
  readonly capability: string;
  /** `x-greenroom-engine`: nothing else is looked at. */
  readonly engine: string | undefined;
  readonly model: string | undefined;
}

/** A pipeline may be named too: what it asks its engines for can be asked over HTTP, without its instructions. */
export interface PipelineEngines {
  readonly name: string;
  readonly kind: 'echo' | 'cascade' | 'bridge';
  /** By capability. */
  readonly engines: Readonly<Record<string, string | undefined>>;
}

export interface ChoiceOptions {
  /** In the order of the configuration. */
  readonly engines: readonly Candidate[];
  readonly aliases: readonly { readonly glob: string; readonly pipeline: string }[];
  readonly unknownModel: 'refuse' | 'default';
  /** Default: none. */
  readonly pipelines?: readonly PipelineEngines[];
}

export interface Choice {
  readonly name: string;
  /** What the engine is to be asked for in place of what the caller wrote; undefined: as it is written. */
  readonly model: string | undefined;
}

/** Throws `model_not_found` with what there is, and `engine_call_unsupported`. */
export function chooseEngine(request: ChoiceRequest, options: ChoiceOptions): Choice {
  const { capability, engine, model } = request;
  if (engine !== undefined) return named(engine, model, request, options);
  const offering = offeringEngines(capability, options);
  const [first] = offering;
  if (model === undefined) return choiceOf(first ?? none(request, options), undefined);
  const found = findEngine(model, options);
  if (found) return checked(found.engine, found.rest, request, options);
  const pipeline = findPipeline(model, options);
  if (pipeline) return engineOf(pipeline, request, options);
  const own = offering.find(({ modelName }) => modelName === model);
  if (own) return { name: own.name, model: undefined };
  if (options.unknownModel === 'default' && first) return choiceOf(first, undefined);
  throw unknown(`no engine is called ${JSON.stringify(model.slice(0, 200))}`, request, options);
}

/** Those that do it; if none is known to, those that may. */
export function offeringEngines(capability: string, { engines }: ChoiceOptions): readonly Candidate[] {
  const known = engines.filter(({ offers }) => offers?.includes(capability));
  return known.length > 0 ? known : engines.filter(({ offers }) => offers === undefined);
}

/** `NAME`, `NAME/model`, or an alias. */
function findEngine(
  model: string,
  { engines, aliases }: ChoiceOptions,
): { readonly engine: Candidate; readonly rest: string | undefined } | undefined {
  const byName = (name: string) => engines.find((engine) => engine.name === name);
  const slash = model.indexOf('/');
  const [name, rest] = slash === -1 ? [model, undefined] : [model.slice(0, slash), model.slice(slash + 1)];
  const engine = byName(name);
  if (engine) return { engine, rest: rest || undefined };
  const alias = aliases.find(({ glob }) => globMatches(glob, model));
  const aliased = alias && byName(alias.pipeline);
  return aliased && { engine: aliased, rest: undefined };
}

/** By its name, or an alias of it. */
function findPipeline(
  model: string,
  { pipelines = [], aliases }: ChoiceOptions,
): PipelineEngines | undefined {
  const byName = (name: string | undefined) => pipelines.find((pipeline) => pipeline.name === name);
  return byName(model) ?? byName(aliases.find(({ glob }) => globMatches(glob, model))?.pipeline);
}

function engineOf(
  { name, kind, engines }: PipelineEngines,
  request: ChoiceRequest,
  options: ChoiceOptions,
): Choice {
  const engine = options.engines.find((each) => each.name === engines[request.capability]);
  if (engine) return checked(engine, undefined, request, options);
  const there = offeringEngines(request.capability, options).map((each) => each.name);
  const instead =
    there.length > 0 ? `; over HTTP ${request.capability} is answered by ${there.join(', ')}` : '';
  const message = `pipeline ${name} is ${kind === 'echo' ? 'an' : 'a'} ${kind} and has no engine for ${request.capability}: call it at /v1/realtime?model=${encodeURIComponent(name)}${instead}`;
  const details = { pipeline: name, capability: request.capability, retryAfterMs: null };
  throw new GreenroomError('invalid_request', message, { details });
}

function named(
  name: string,
  model: string | undefined,
  request: ChoiceRequest,
  options: ChoiceOptions,
): Choice {
  const engine = options.engines.find((each) => each.name === name);
  if (!engine) throw unknown(`no engine is called ${JSON.stringify(name.slice(0, 200))}`, request, options);
  const prefix = `${name}/`;
  const rest = model?.startsWith(prefix) ? model.slice(prefix.length) || undefined : undefined;
  return checked(engine, rest, request, options);
}

function checked(
  engine: Candidate,
  rest: string | undefined,
  { capability }: ChoiceRequest,
  options: ChoiceOptions,
): Choice {
  const { name, offers } = engine;
  if (offers && !offers.includes(capability)) {
    const others = options.engines.filter((each) => each.offers?.includes(capability));
    const there = others.map((each) => each.name).join(', ') || 'none';
    const what = offers.length > 0 ? `offers ${offers.join(', ')}` : 'declares no `offers`';
    const message = `engine ${name} ${what}, not ${capability}; engines that do: ${there}`;
    const details = { engine: name, capability, retryAfterMs: null };
    throw new GreenroomError('engine_call_unsupported', message, { details });
  }
  return choiceOf(engine, rest);
}

const choiceOf = ({ name, modelName }: Candidate, rest: string | undefined): Choice => ({
  name,
  model: rest ?? modelName,
});

function none(request: ChoiceRequest, options: ChoiceOptions): never {
  throw unknown(`no engine offers ${request.capability}`, request, options);
}

function unknown(what: string, { capability, model }: ChoiceRequest, options: ChoiceOptions): GreenroomError {
  const names = offeringEngines(capability, options).map(({ name }) => name);
  const there = names.length > 0 ? `; ${capability} is offered by ${names.join(', ')}` : '';
  return new GreenroomError('model_not_found', `${what}${there}`, {
    details: { model: model ?? null, engines: names },
  });
}
