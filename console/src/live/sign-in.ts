// Signing in: the administrator's token goes to the gateway once, and comes back as a cookie that no script can read.
import { signal } from '@preact/signals';
import { tokenOf } from '../route.ts';
import { ask, post, remove } from './api.ts';

type SignedState = 'open' | 'signed_in' | 'signed_out';

/** `unknown`: nobody has been asked yet. */
export const signedState = signal<SignedState | 'unknown'>('unknown');

const path = '/api/console/session';

/** Rejects with why not. */
export async function signIn(token: string): Promise<void> {
  signedState.value = (await post<{ state: SignedState }>(path, { token })).state;
}

export async function signOut(): Promise<void> {
  signedState.value = (await remove<{ state: SignedState }>(path)).state;
}

/** Takes the token out of the address before anything else, and out of the browser's history with it. */
export async function signInFromAddress(): Promise<void> {
  const token = tokenOf(location.hash);
  if (token !== undefined) history.replaceState(null, '', `${location.pathname}${location.search}#/lobby`);
  try {
    if (token === undefined) signedState.value = (await ask<{ state: SignedState }>(path)).state;
    else await signIn(token);
  } catch {
    // Wrong, or nobody is there: the page says which when it asks for the first thing.
  }
}
