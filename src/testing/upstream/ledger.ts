// What a scripted upstream has said, and who broke a rule. What it says has numbers; with each event comes how far its
// sender had heard by then, so that nobody is blamed for what they could not know.
import { type JsonObject, textAt } from '../../wire/json.ts';

export interface Said extends JsonObject {
  readonly type: string;
}

export class Ledger {
  /** Rules that were broken knowingly. */
  readonly violations: string[] = [];
  /** Errors that nobody could have helped. */
  readonly races: string[] = [];
  /** Said, and not taken yet by whoever carries it. */
  readonly out: { readonly seq: number; readonly event: Said }[] = [];
  #seq = 0;
  #ids = 0;

  /** The number of what is said next. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}_up${this.#ids}`;
  }

  say(event: JsonObject): void {
    this.#seq += 1;
    const { type, ...rest } = event;
    this.out.push({
      seq: this.#seq,
      event: { type: String(type), event_id: `event_up${this.#seq}`, ...rest },
    });
  }

  refuse(event: JsonObject, code: string, message: string): void {
    const error = { type: 'invalid_request_error', code, message, param: null };
    this.say({ type: 'error', error: { ...error, event_id: textAt(event, 'event_id') ?? null } });
  }

  violate(what: string): void {
    this.violations.push(what);
  }
}
