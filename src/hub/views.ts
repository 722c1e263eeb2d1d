// The different things that are watched, each once, for as long as somebody has it.
import type { Form } from './frames.ts';
import type { Interest } from './interest.ts';
import type { Ring } from './ring.ts';
import { View } from './view.ts';

export class Views {
  readonly #ring: Ring;
  readonly #views = new Map<string, View>();

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  get size(): number {
    return this.#views.size;
  }

  /** Made when it is new: whoever asks for it lets somebody have it. */
  of(interest: Interest, form: Form): View {
    const key = keyOf(interest, form);
    const view = this.#views.get(key) ?? new View(interest, form, this.#ring);
    this.#views.set(key, view);
    return view;
  }

  /** Nobody has it any more. */
  unused({ interest, form }: View): void {
    this.#views.delete(keyOf(interest, form));
  }

  values(): MapIterator<View> {
    return this.#views.values();
  }
}

const keyOf = (interest: Interest, form: Form): string => `${form} ${interest.key}`;
