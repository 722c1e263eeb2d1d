// What no event tells is asked for again and again, as long as somebody looks at it and there is somebody to ask.
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { linkCount, linkState } from './gateway.ts';

/** Calls `look` at once, with every new connection, and `everyMs` after each answer. */
export function usePoll(look: () => Promise<unknown>, everyMs: number): void {
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => startPoll(() => latest.current(), everyMs), [everyMs]);
}

/** With every new connection: what is asked once and kept true by events. */
export function useEachConnection(look: () => void): void {
  useSignalEffect(() => {
    if (linkCount.value > 0) look();
  });
}

function startPoll(look: () => Promise<unknown>, everyMs: number): () => void {
  let state: 'on' | 'off' = 'on';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const round = async () => {
    if (linkState.value !== 'signed_out' && document.visibilityState === 'visible')
      // What went wrong is shown by the connection's own state.
      await look().catch(() => undefined);
    if (state === 'on') timer = setTimeout(() => void round(), everyMs);
  };
  const undo = linkCount.subscribe(() => {
    clearTimeout(timer);
    timer = setTimeout(() => void round(), 0);
  });
  return () => {
    state = 'off';
    clearTimeout(timer);
    undo();
  };
}
