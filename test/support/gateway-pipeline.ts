// One pipeline of a gateway in a process of its own, as its API shows it.
import type { PipelineShown } from '../../src/gateway/pipeline-facts.ts';
import type { Restarted, RestartRequest } from '../../src/gateway/restarts.ts';
import type { GatewayAsked } from './gateway-process.ts';
import { until } from './poll.ts';

export class GatewayPipeline {
  readonly #gateway: GatewayAsked;
  readonly name: string;

  constructor(gateway: GatewayAsked, name = 'default') {
    this.#gateway = gateway;
    this.name = name;
  }

  async shown(): Promise<PipelineShown> {
    return (await this.#gateway.json(`/api/pipelines/${this.name}`)).body;
  }

  /** Number and state of each generation that is not closed. */
  async generations(): Promise<readonly (readonly [number, string])[]> {
    return (await this.shown()).generations.map(({ number, state }) => [number, state] as const);
  }

  async restart(
    request: RestartRequest = {},
  ): Promise<{ readonly status: number; readonly body: Restarted }> {
    return this.#gateway.json(`/api/pipelines/${this.name}/restart`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
  }

  /** Waits until it is shown so. */
  async shows(
    fits: (shown: PipelineShown) => boolean,
    what: string,
    timeoutMs = 20_000,
  ): Promise<PipelineShown> {
    let last: PipelineShown | undefined;
    const found = async () => {
      last = await this.shown();
      return fits(last) ? last : undefined;
    };
    return until(found, {
      timeoutMs,
      what: () => `pipeline ${this.name} ${what}, last ${JSON.stringify(last)}`,
    });
  }
}
