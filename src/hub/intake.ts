// One producer's events on their way into the hub: read, allowed or not, published, counted.
import { type GreenroomError, toGreenroomError } from '../lifecycle/errors.ts';
import type { Producer } from './producers.ts';
import type { Publishes, ReadPublication } from './publication.ts';
import { type ReadOptions, readPublication } from './published.ts';

export interface IntakeOptions extends ReadOptions {
  readonly hub: Publishes;
  readonly producer: Producer;
  /** Null when this producer may publish there. Default: he may everywhere. */
  readonly mayPublish?: ((topic: string) => GreenroomError | null) | undefined;
}

export type Taken =
  | { readonly state: 'accepted'; readonly id: string; readonly topic: string }
  | { readonly state: 'rejected'; readonly error: GreenroomError };

export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** JSON of one event. Never throws. */
  take(event: Uint8Array): Taken {
    return this.publish(readPublication(event, this.#options));
  }

  /** One that was read already. Never throws. */
  publish(read: ReadPublication): Taken {
    if (read.state === 'bad') return this.refuse(read.error);
    const { hub, producer, mayPublish } = this.#options;
    const { publication } = read;
    const refusal = mayPublish?.(publication.topic);
    if (refusal) return this.refuse(refusal);
    let id: string;
    try {
      id = hub.publish(publication);
    } catch (thrown) {
      return this.refuse(toGreenroomError(thrown));
    }
    producer.accepted(id, publication.data.length);
    return { state: 'accepted', id, topic: publication.topic };
  }

  /** Counts one that could not even be read. */
  refuse(error: GreenroomError): Taken {
    this.#options.producer.rejected(error.code);
    return { state: 'rejected', error };
  }
}
