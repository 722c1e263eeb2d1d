// Times within a session. Pure.

/** `01:02:03`, or `01:02:03.004` with `ms`; nothing is before the beginning. */
export function clockTime(givenMs: number, precision: 's' | 'ms' = 's'): string {
  const ms = Math.max(0, Math.round(givenMs));
  const two = (value: number) => String(value).padStart(2, '0');
  const seconds = Math.floor(ms / 1000);
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return precision === 's' ? time : `${time}.${String(ms % 1000).padStart(3, '0')}`;
}
