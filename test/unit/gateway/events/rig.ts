// A hub that writes down what is published, and what else the ways in need.

import { FairTurns } from '../../../../src/gateway/events/fair-turns.ts';
import { Producers } from '../../../../src/hub/producers.ts';
import type { Publication, Publishes } from '../../../../src/hub/publication.ts';
import { systemClock } from '../../../../src/lifecycle/clock.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import type { Log } from '../../../../src/telemetry/log.ts';

export class RecordingHub implements Publishes {
  readonly published: { readonly topic: string; readonly key: string | null; readonly data: string }[] = [];
  /** When it is not null, nothing is taken any more. */
  state: 'open' | 'closed' = 'open';
  /** Is told of each before it is taken. */
  onPublish: (publication: Publication) => void = () => undefined;

  publish(publication: Publication): string {
    if (this.state === 'closed') throw new GreenroomError('server_shutdown', 'the gateway is leaving');
    this.onPublish(publication);
    const { topic, key, data } = publication;
    this.published.push({ topic, key, data: Buffer.from(data).toString() });
    return `e.${this.published.length}`;
  }

  get data(): string[] {
    return this.published.map(({ data }) => data);
  }
}

export class RecordingLog implements Log {
  readonly lines: { readonly level: string; readonly facts: object; readonly message: string }[] = [];

  debug(facts: object, message: string): void {
    this.lines.push({ level: 'debug', facts, message });
  }
  info(facts: object, message: string): void {
    this.lines.push({ level: 'info', facts, message });
  }
  warn(facts: object, message: string): void {
    this.lines.push({ level: 'warn', facts, message });
  }
  error(facts: object, message: string): void {
    this.lines.push({ level: 'error', facts, message });
  }

  get warnings(): string[] {
    return this.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }
}

export function ingestParts() {
  const clock = systemClock;
  return {
    ...{ hub: new RecordingHub(), log: new RecordingLog(), clock },
    ...{ producers: new Producers(clock), turns: new FairTurns(clock) },
  };
}

/** As the system that had the incident sends them. */
export const stateChange = (count: number): string =>
  JSON.stringify({
    machine_name: 'face_processor',
    event_type: 'state_change',
    payload: {
      from_state: 'cropping_faces',
      to_state: 'verifying_portraits',
      event_trigger: 'faces_cropped',
      timestamp: 1761339196.6836941,
      count,
    },
  });
