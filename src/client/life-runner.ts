// Runs a life: feeds `life.ts` one event after the other, and performs what it asks for on its host.
import type { GreenroomError } from '../lifecycle/errors.ts';
import { begin, next } from './life.ts';
import type { Life, LifeEffect, LifeEvent, LifeTimer, LifeWorld } from './life-states.ts';
import type { Timers } from './timers.ts';
import { undisturbed } from './uncaught.ts';

export interface LifeHost {
  lifeWorld(): LifeWorld;
  dial(): void;
  /** Ends the connection at once; its end is told all the same. */
  cut(): void;
  close(code: number, reason: string): void;
  ask(): void;
  stopAsking(): void;
  /** False: it is held back, and the host takes it when it is time. */
  mayDial(): boolean;
  neverOpened(error: GreenroomError): void;
  moved(change: LifeEffect & { readonly type: 'tell' }): void;
}

export class LifeRunner {
  readonly #host: LifeHost;
  readonly #timers: Timers<LifeTimer>;
  readonly #events: LifeEvent[] = [];
  #turn: 'idle' | 'stepping' = 'idle';
  #life: Life = { state: 'connecting', step: 'asking' };

  constructor(host: LifeHost, timers: Timers<LifeTimer>) {
    this.#host = host;
    this.#timers = timers;
  }

  get life(): Life {
    return this.#life;
  }

  begin(): void {
    const { life, effects } = begin(this.#host.lifeWorld());
    this.#life = life;
    this.#perform(effects);
  }

  /** One after the other: whoever is told of a step may cause the next. */
  take(event: LifeEvent): void {
    this.#events.push(event);
    if (this.#turn === 'stepping') return;
    this.#turn = 'stepping';
    for (let first = this.#events.shift(); first; first = this.#events.shift()) {
      const { life, effects } = next(this.#life, first, this.#host.lifeWorld());
      this.#life = life;
      this.#perform(effects);
    }
    this.#turn = 'idle';
  }

  /** Its life is over: no timer is left. */
  end(): void {
    this.#timers.cancelAll();
  }

  #perform(effects: readonly LifeEffect[]): void {
    for (const effect of effects) undisturbed(() => this.#do(effect));
  }

  #do(effect: LifeEffect): void {
    const host = this.#host;
    switch (effect.type) {
      case 'dial':
        return host.dial();
      case 'cut_socket':
        return host.cut();
      case 'close_socket':
        return host.close(effect.code, effect.reason);
      case 'ask':
        return host.ask();
      case 'stop_asking':
        return host.stopAsking();
      case 'timer':
        return this.#timers.set(effect.name, effect.ms, () => this.#fired(effect.name));
      case 'no_timer':
        return this.#timers.cancel(effect.name);
      case 'reject':
        return host.neverOpened(effect.error);
      case 'tell':
        return host.moved(effect);
    }
  }

  #fired(name: LifeTimer): void {
    if (name !== 'retry' || this.#host.mayDial()) this.take({ type: 'timer', name });
  }
}
