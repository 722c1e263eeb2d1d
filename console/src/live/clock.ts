// The time that pages show: moved on some times a second while somebody looks, so that ages run.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

const nowMs = signal(Date.now());

const everyMs = 200;
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Ms since 1970, moving while the component is there. */
export function useNow(): number {
  useEffect(() => {
    users += 1;
    timer ??= setInterval(() => {
      if (document.visibilityState === 'visible') nowMs.value = Date.now();
    }, everyMs);
    return () => {
      users -= 1;
      if (users > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return nowMs.value;
}
