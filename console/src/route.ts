// Which page is shown, by the fragment of the address: `#/events`. Pure, and the signal of the page's own address.
import { signal } from '@preact/signals';

export const pages = [
  { name: 'lobby', title: 'Lobby' },
  { name: 'talk', title: 'Talk' },
  { name: 'sessions', title: 'Sessions' },
  { name: 'events', title: 'Events' },
  { name: 'machines', title: 'Machines' },
  { name: 'tree', title: 'Tree' },
  { name: 'leaving', title: 'Leaving' },
] as const;

export type PageName = (typeof pages)[number]['name'];

export interface Route {
  readonly page: PageName;
  /** What stands behind the page's name: `#/sessions/sess_1` has `sess_1`. */
  readonly rest: string;
}

export function routeOf(fragment: string): Route {
  const [, name = '', rest = ''] = /^#?\/?([a-z]*)(?:\/(.*))?$/.exec(fragment) ?? [];
  const page = pages.find((one) => one.name === name)?.name ?? 'lobby';
  return { page, rest: decoded(rest) };
}

/** The token that the address brings (`#token=...`); undefined for none. */
export function tokenOf(fragment: string): string | undefined {
  const token = new URLSearchParams(fragment.replace(/^#\/?/, '')).get('token');
  return token === null || token === '' ? undefined : token;
}

export const hrefOf = (page: PageName, rest = ''): string =>
  `#/${page}${rest === '' ? '' : `/${encodeURIComponent(rest)}`}`;

export const route = signal<Route>(routeOf(globalThis.location?.hash ?? ''));

export function followAddress(): void {
  addEventListener('hashchange', () => {
    route.value = routeOf(location.hash);
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign: then it is meant as it stands.
    return text;
  }
}
