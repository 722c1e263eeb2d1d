// What a gateway is opened with.
import type { LoadedConfig } from '../config/load.ts';
import type { SecretRegistry } from '../config/secrets.ts';
import type { Config } from '../config/types.ts';
import type { SupervisorOptions } from '../engines/supervisor.ts';
import type { ShutdownReason, ShutdownState } from '../lifecycle/shutdown.ts';
import type { Stall } from '../telemetry/loop-monitor.ts';
import type { Door } from './door.ts';
import type { Gateway } from './gateway.ts';

export interface GatewayOptions {
  /** Listens already. The gateway closes it. */
  readonly door: Door;
  readonly config: Config;
  readonly secrets: SecretRegistry;
  /** Reads and checks the configuration again, as at the start. Default: it cannot be. */
  readonly reload?: () => Promise<LoadedConfig>;
  /**
   * `owned`: the process is the gateway's own, and the reaper ends it when the shutdown's time is over. Default
   * `shared`: only the engines are ended then.
   */
  readonly process?: 'owned' | 'shared';
  /** Starts of an engine in a row before it is given up. Default 5. */
  readonly attempts?: number;
  /** Looks for further engines when callers are seated. */
  readonly find?: SupervisorOptions['find'];
  /** There is something to leave by, and nothing is open yet. */
  readonly onCreated?: (gateway: Gateway) => void;
  /** Told before anything of the shutdown happens. */
  readonly onLeaving?: (reason: ShutdownReason) => void;
  readonly onStall?: (stall: Stall) => void;
  /** Ends the process when the shutdown cannot. Default: nothing, for embedders. */
  readonly onForce?: (cause: 'watchdog' | 'second_signal', state: ShutdownState, gateway: Gateway) => void;
}
