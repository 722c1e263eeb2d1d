// An answer as server-sent events. A caller that reads slowly holds nobody: what it has not taken yet is gathered here as
// text, which is as short as the answer itself, and sent as one chunk when it reads again.
import type { ServerResponse } from 'node:http';
import type { GreenroomError } from '../lifecycle/errors.ts';
import { type AnswerForm, errorAnswer } from './answers.ts';
import type { Outcome, Part } from './language-model.ts';

export class EventStream {
  readonly #response: ServerResponse;
  readonly #form: AnswerForm;
  #state: 'unopened' | 'open' | 'ended' = 'unopened';
  /** Not taken yet; none beside another of its kind. */
  #pending: Part[] = [];

  constructor(response: ServerResponse, form: AnswerForm) {
    this.#response = response;
    this.#form = form;
  }

  get state(): 'unopened' | 'open' | 'ended' {
    return this.#state;
  }

  part(part: Part): void {
    this.#open();
    const last = this.#pending.at(-1);
    if (last?.kind === part.kind)
      this.#pending[this.#pending.length - 1] = { ...last, text: last.text + part.text };
    else this.#pending.push(part);
    if (!this.#response.writableNeedDrain) this.#flush();
  }

  end(outcome: Outcome, usage: boolean): void {
    this.#open();
    this.#flush();
    this.#write(this.#form.last(outcome));
    if (usage) this.#write(this.#form.usage(outcome));
    this.#send('data: [DONE]\n\n');
    this.#finish();
  }

  /** After the head has gone out an error cannot be a status any more. */
  fail(error: GreenroomError): void {
    this.#flush();
    this.#send(`event: error\ndata: ${JSON.stringify(errorAnswer(error))}\n\n`);
    this.#finish();
  }

  /** With the first thing that there is to say: until then a failure has a status of its own. */
  #open(): void {
    if (this.#state !== 'unopened') return;
    this.#state = 'open';
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    this.#response.on('drain', () => this.#flush());
    const first = this.#form.first();
    if (first) this.#write(first);
  }

  #flush(): void {
    const parts = this.#pending;
    this.#pending = [];
    for (const part of parts) this.#write(this.#form.chunk(part));
  }

  #write(chunk: object): void {
    this.#send(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  /** To a caller that is gone, a write would be an error. */
  #send(text: string): void {
    if (!this.#response.destroyed) this.#response.write(text);
  }

  #finish(): void {
    this.#state = 'ended';
    this.#response.end();
  }
}
