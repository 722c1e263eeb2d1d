// Numbers as people read them. Pure.

/** `82 ms`, `1.4 s`, `3:05 min`, `2 h 05`, `3 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < 1000) return `${Math.round(whole)} ms`;
  if (whole < 60_000) return `${(whole / 1000).toFixed(whole < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(whole / 60_000);
  if (minutes < 60) return `${minutes}:${two(Math.floor((whole % 60_000) / 1000))} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${two(minutes % 60)}`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1.4 MiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

const grouped = new Intl.NumberFormat('en');

export const count = (value: number): string => grouped.format(value);

/** `1 event`, `2 events`. */
export const counted = (value: number, word: string, words = `${word}s`): string =>
  `${count(value)} ${value === 1 ? word : words}`;

export const percent = (part: number): string => `${Math.round(part * 100)} %`;

/** `21:05:09.123`, of the reader's own clock. */
export function clock(ms: number): string {
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${parts}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `22 Nov, 21:05`. */
export const day = (ms: number): string =>
  new Date(ms).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });

const two = (value: number): string => String(value).padStart(2, '0');
