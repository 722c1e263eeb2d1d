// Short-lived keys for pages: a server that has the admin's token makes one, hands it to a browser, and never its own.
// Each may carry the session it is for. Kept in memory: they die with the gateway.
// https://platform.openai.com/docs/api-reference/realtime-sessions/create-realtime-client-secret
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { SessionUpdate } from '../wire/client-schema.ts';

export interface ClientSecret {
  readonly value: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  /** What a session that is opened with it begins with. */
  readonly session: SessionUpdate | null;
}

/** As OpenAI has them. */
export const clientSecretSeconds = { min: 10, max: 7200, default: 600 } as const;

const secretsMax = 10_000;
const prefix = 'ek_';

export class ClientSecrets {
  readonly #clock: Clock;
  /** By the hash of their value, so that looking one up takes no longer the nearer a guess comes. */
  readonly #secrets = new Map<string, ClientSecret>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `too_many_client_secrets`. */
  create(seconds: number, session: SessionUpdate | null): ClientSecret {
    this.#forgetExpired();
    if (this.#secrets.size >= secretsMax) {
      const message = `${secretsMax} client secrets are valid already; the next expires in ${this.#soonestSeconds()} s`;
      throw new GreenroomError('too_many_client_secrets', message, { details: { limit: secretsMax } });
    }
    const value = `${prefix}${randomBytes(32).toString('base64url')}`;
    const secret = { value, expiresAt: Math.floor(this.#clock.wallTime() / 1000) + seconds, session };
    this.#secrets.set(hashOf(value), secret);
    return secret;
  }

  /** Undefined when there is none of this value, or it has expired. */
  find(value: string): ClientSecret | undefined {
    if (!value.startsWith(prefix)) return undefined;
    const secret = this.#secrets.get(hashOf(value));
    return secret && secret.expiresAt * 1000 > this.#clock.wallTime() ? secret : undefined;
  }

  #forgetExpired(): void {
    const now = this.#clock.wallTime();
    for (const [hash, { expiresAt }] of this.#secrets)
      if (expiresAt * 1000 <= now) this.#secrets.delete(hash);
  }

  #soonestSeconds(): number {
    const soonest = Math.min(...[...this.#secrets.values()].map(({ expiresAt }) => expiresAt));
    return Math.max(0, soonest - Math.floor(this.#clock.wallTime() / 1000));
  }
}

const hashOf = (value: string): string => createHash('sha256').update(value).digest('base64');
