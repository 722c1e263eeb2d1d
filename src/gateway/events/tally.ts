// What became of the events of one post, and how that is told: some taken is a success, none an error. Pure.
import type { Taken } from '../../hub/intake.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Published } from '../../wire/hub.ts';

/** Told one by one. */
const listedMax = 100;

export class Tally {
  #accepted = 0;
  #id: string | null = null;
  #topic: string | null = null;
  #rejectedCount = 0;
  readonly #rejected: { readonly line: number; readonly code: string; readonly message: string }[] = [];
  #first: { readonly line: number; readonly error: GreenroomError } | undefined;

  /** `line`: its place in the post, from 1. */
  add(line: number, taken: Taken): void {
    if (taken.state === 'accepted') {
      this.#accepted += 1;
      this.#id = taken.id;
      this.#topic = taken.topic;
      return;
    }
    const { error } = taken;
    this.#rejectedCount += 1;
    this.#first ??= { line, error };
    if (this.#rejected.length < listedMax)
      this.#rejected.push({ line, code: error.code, message: error.message });
  }

  get published(): Published {
    return {
      ...{ accepted: this.#accepted, id: this.#id, topic: this.#topic },
      ...{ rejectedCount: this.#rejectedCount, rejected: [...this.#rejected] },
    };
  }

  /** When there were events and none was taken: as the first one was refused. */
  get failure(): GreenroomError | undefined {
    if (this.#accepted > 0 || !this.#first) return undefined;
    const { line, error } = this.#first;
    const where =
      this.#rejectedCount === 1 ? '' : `none of ${this.#rejectedCount} events was taken; number ${line}: `;
    return this.with(new GreenroomError(error.code, where + error.message, { details: error.details }));
  }

  /** What ended the post early, with what had become of the events by then. */
  with(error: GreenroomError): GreenroomError {
    const details = { ...error.details, ...this.published };
    return new GreenroomError(error.code, error.message, { details, cause: error });
  }
}
