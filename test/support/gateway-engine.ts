// One engine of a gateway in a process of its own, as its API shows it.
import type { EngineStatus } from '../../src/engines/status.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { until } from './poll.ts';

export class GatewayEngine {
  readonly #gateway: GatewayProcess;
  readonly name: string;

  constructor(gateway: GatewayProcess, name: string) {
    this.#gateway = gateway;
    this.name = name;
  }

  async status(): Promise<EngineStatus> {
    return (await this.#gateway.json(`/api/engines/${this.name}`)).body;
  }

  async ask(what: string): Promise<{ readonly status: number; readonly body: EngineStatus }> {
    return this.#gateway.json(`/api/engines/${this.name}/${what}`, { method: 'POST' });
  }

  /** @param instance counts its runs from 1; default: any */
  async reaches(state: EngineStatus['state'], instance?: number, timeoutMs = 10_000): Promise<EngineStatus> {
    return this.shows(
      (status) => status.state === state && (instance === undefined || status.attempt === instance),
      `to be ${state}`,
      timeoutMs,
    );
  }

  /** Waits until its status fits. */
  async shows(
    fits: (status: EngineStatus) => boolean,
    what: string,
    timeoutMs = 10_000,
  ): Promise<EngineStatus> {
    let last: EngineStatus | undefined;
    const found = async () => {
      last = await this.status();
      return fits(last) ? last : undefined;
    };
    return until(found, { timeoutMs, what: `engine ${this.name} ${what}` }).catch((error: unknown) => {
      throw new Error(JSON.stringify(last), { cause: error });
    });
  }
}
