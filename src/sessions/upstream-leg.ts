// The upstream side of a bridged call: its connection once there is one, read as fast as the caller takes what comes,
// and watched for signs of life.
import type { UpText } from '../bridge/state.ts';
import { Upstream, type UpstreamAddress, type UpstreamHandlers } from '../bridge/upstream.ts';
import type { Scope } from '../lifecycle/scope.ts';
import { Keepalive } from './keepalive.ts';

export interface UpstreamLegOptions extends Omit<UpstreamHandlers, 'alive' | 'failed'> {
  readonly scope: Scope;
  readonly address: UpstreamAddress;
  readonly keepaliveMs: number;
  readonly failed: (code: string, message: string) => void;
}

/** With more than this on its way, its caller is not listened to. */
const bytesMax = 1024 * 1024;

export class UpstreamLeg {
  readonly #options: UpstreamLegOptions;
  #upstream: Upstream | undefined;
  #reading: 'on' | 'paused' = 'on';

  constructor(options: UpstreamLegOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return (this.#upstream?.pendingBytes ?? 0) > bytesMax;
  }

  connect(): void {
    const { scope, address, keepaliveMs, text, frame, taken, failed, closed } = this.#options;
    if (scope.state !== 'open') return;
    const lost = (ms: number, what: string) => failed('upstream_stalled', `upstream ${what} for ${ms} ms`);
    const keepalive = new Keepalive({
      ...{ scope, intervalMs: keepaliveMs, random: 1 },
      ping: () => {
        // Who is not read cannot tell us anything; how long it may take to open is another's business.
        if (this.#reading === 'paused' || upstream.state === 'connecting') return keepalive.alive();
        const stuckMs = Math.round(upstream.stuckMs());
        if (stuckMs >= 2 * keepaliveMs) return lost(stuckMs, 'took nothing of what it was sent');
        upstream.ping();
      },
      onLost: (silentMs) => lost(silentMs, 'gave no sign of life'),
    });
    const upstream = new Upstream(scope, address, {
      ...{ text, frame, taken, failed, closed },
      alive: () => keepalive.alive(),
    });
    this.#upstream = upstream;
  }

  send(text: UpText): void {
    this.#upstream?.send(text);
  }

  /** A caller that does not take what comes keeps upstream waiting, not our memory. */
  read(reading: 'on' | 'paused'): void {
    if (reading === this.#reading) return;
    this.#reading = reading;
    if (reading === 'on') this.#upstream?.resume();
    else this.#upstream?.pause();
  }
}
