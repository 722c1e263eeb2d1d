// The console: one page over the gateway's public API and its events.
import { render } from 'preact';
import { App } from './app.tsx';
import './styles/base.css';
import './styles/parts.css';
import './styles/pages.css';
import { followLeaving } from './leaving/leaving-store.ts';
import { followGateway } from './live/gateway.ts';
import { signInFromAddress } from './live/sign-in.ts';

const root = document.getElementById('app');
if (!root) throw new Error('index.html has no #app');
followLeaving();
render(<App />, root);
void signInFromAddress().then(followGateway);
