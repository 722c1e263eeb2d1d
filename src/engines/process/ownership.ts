// Whose it is that listens at an address, as somebody who can look into the system tells it.
import type { Whose } from '../host/describe.ts';

export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string };

/** Processes of one engine: its group, and whoever carries its marker. `pgid` is null before there is one. */
export interface Family {
  readonly pgid: number | null;
  readonly marker: string;
}

type Ownership =
  | { readonly state: 'owned' }
  | { readonly state: 'nobody' }
  /** `holder`: its pid, command, user and age, as far as they are known, for people. */
  | { readonly state: 'stranger'; readonly holder: string }
  | { readonly state: 'unknown'; readonly why: string };

/** Never rejects. */
export type AskOwnership = (address: ListenAddress, family: Family) => Promise<Ownership>;

export const nobodyLooks: AskOwnership = () =>
  Promise.resolve({ state: 'unknown', why: 'nobody looks who listens' });

/** Looks into the system. @param whose how processes that carry a marker are called */
export function askSystem(whose?: Whose): AskOwnership {
  return async (address, family) => {
    // Needed once something listens; a start has no time for it before.
    const { ownershipTold } = await import('../host/ownership.ts');
    return ownershipTold(address, family, whose);
  };
}
