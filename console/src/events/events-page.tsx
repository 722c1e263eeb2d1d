// Events: what is published, who watches it, who publishes it.
import { PublishBox } from './publish-box.tsx';
import { TailView } from './tail-view.tsx';
import { Producers, Watchers } from './watchers.tsx';

export function EventsPage() {
  return (
    <div class="stack">
      <TailView />
      <PublishBox />
      <Watchers />
      <Producers />
    </div>
  );
}
