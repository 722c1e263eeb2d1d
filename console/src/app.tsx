// The frame around every page: where one is, how the connection is, and the page itself.

import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { linkReason, linkState } from './live/gateway.ts';
import { signedState, signOut } from './live/sign-in.ts';
import { LobbyPage } from './lobby/lobby-page.tsx';
import { followAddress, hrefOf, type PageName, pages, route } from './route.ts';
import { SignInPage } from './sign-in-page.tsx';
import { StateWord } from './ui/state-word.tsx';

/** Loaded when they are first looked at: the lobby is what people come for. */
const later: Readonly<Partial<Record<PageName, () => Promise<ComponentType>>>> = {
  talk: async () => (await import('./talk/talk-page.tsx')).TalkPage,
  sessions: async () => (await import('./sessions/sessions-page.tsx')).SessionsPage,
  tree: async () => (await import('./tree/tree-page.tsx')).TreePage,
  machines: async () => (await import('./machines/machines-page.tsx')).MachinesPage,
  leaving: async () => (await import('./leaving/leaving-page.tsx')).LeavingPage,
  events: async () => (await import('./events/events-page.tsx')).EventsPage,
};
const loaded = signal<Readonly<Partial<Record<PageName, ComponentType>>>>({ lobby: LobbyPage });

const words = {
  connecting: 'connecting',
  open: 'live',
  leaving: 'the gateway is leaving',
  gone: 'the gateway has left',
  signed_out: 'signed out',
} as const;

export function App() {
  useEffect(followAddress, []);
  const { page } = route.value;
  useEffect(() => {
    document.title = `${pages.find(({ name }) => name === page)?.title ?? ''} · greenroom`;
    // On a phone the tabs are wider than the screen.
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    const load = later[page];
    if (load && !loaded.value[page])
      void load().then((component) => {
        loaded.value = { ...loaded.value, [page]: component };
      });
  }, [page]);
  const Page = loaded.value[page];
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the page
      </button>
      <header class="top">
        <span class="brand">greenroom</span>
        <nav aria-label="pages">
          {pages.map(({ name, title }) => (
            <a key={name} href={hrefOf(name)} aria-current={name === page ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="link" role="status">
          <StateWord state={linkState.value} label={words[linkState.value]} />
        </span>
        {signedState.value === 'signed_in' && (
          <button type="button" class="quiet" onClick={() => void signOut().then(() => location.reload())}>
            Sign out
          </button>
        )}
      </header>
      <Gone />
      <main id="main" tabIndex={-1}>
        <h1 class="hidden">{pages.find(({ name }) => name === page)?.title}</h1>
        {linkState.value === 'signed_out' ? <SignInPage /> : Page ? <Page /> : <p class="dim">Loading …</p>}
      </main>
    </>
  );
}

function Gone() {
  if (linkState.value !== 'gone' && linkState.value !== 'leaving') return null;
  return (
    <p class="banner" role="alert">
      {linkState.value === 'leaving'
        ? 'The gateway is leaving. '
        : 'The gateway has left. This page connects again by itself when it is back. '}
      {linkState.value === 'gone' && <span class="dim">{linkReason.value} </span>}
      <a href={hrefOf('leaving')}>How it left</a>
    </p>
  );
}

/** A link would change the address, which says what page this is. */
function skip(): void {
  document.getElementById('main')?.focus();
}
