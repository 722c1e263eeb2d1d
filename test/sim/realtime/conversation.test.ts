// A conversation against a model of a few fields, with a shell that behaves: turns alternate, answers end, engines come
// and go. The model says what must run, wait and stand where after each command; the rig watches the events as always.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { Rig } from '../../unit/realtime/rig.ts';

interface Model {
  phase: 'lobby' | 'ready' | 'failed';
  running: boolean;
  waiting: 'client' | 'turn' | null;
  speaking: boolean;
  detection: { readonly create: boolean; readonly interrupt: boolean } | null;
  bufferMs: number;
  items: string[];
  /** Where the item of the answer under way goes, or is; null when it was deleted. */
  answerAt: { readonly after: string | null; readonly shown: string | null } | null;
}

type Command = fc.Command<Model, Rig>;

const command = (
  name: string,
  run: (model: Model, rig: Rig) => void,
  check: (model: Readonly<Model>) => boolean = () => true,
): Command => ({
  check,
  run(model, rig) {
    run(model, rig);
    start(model);
    agree(model, rig);
  },
  toString: () => name,
});

/** What may start, starts. */
function start(model: Model): void {
  if (!model.waiting || model.running || model.phase !== 'ready') return;
  if (model.waiting === 'turn' && model.speaking && model.detection?.interrupt) return;
  model.waiting = null;
  model.running = true;
  model.answerAt = { after: model.items.at(-1) ?? null, shown: null };
}

function agree(model: Model, rig: Rig): void {
  const { phase, response, waiting, input } = rig.state;
  assert.equal(phase, model.phase);
  assert.equal(response !== null, model.running);
  assert.equal(waiting?.origin ?? null, model.waiting);
  assert.equal(input.turn !== null, model.speaking);
  assert.deepEqual(rig.itemIds, model.items);
}

/** An item whose id the conversation gives stands at an index that the model knows. */
function added(model: Model, rig: Rig, index: number): string {
  const id = rig.itemIds[index] ?? '';
  model.items.splice(index, 0, id);
  return id;
}

function ended(model: Model): void {
  model.running = false;
  model.answerAt = null;
}

const seldom = fc.integer({ min: 0, max: 40 });
const ms = fc.integer({ min: 20, max: 2000 });
let asks = 0;

const commands = fc.commands(
  [
    fc.constant(
      command('ready', (model, rig) => {
        rig.ready();
        if (model.phase === 'lobby') model.phase = 'ready';
      }),
    ),
    fc.constant(
      command('engine gone', (model, rig) => {
        rig.feed({ type: 'not_ready' });
        if (model.phase === 'ready') model.phase = 'lobby';
      }),
    ),
    seldom.map((number) =>
      command(
        'engine failed',
        (model, rig) => {
          rig.feed({ type: 'engine_failed', code: 'engine_exited', message: 'gone' });
          ended(model);
          Object.assign(model, { phase: 'failed', waiting: null });
        },
        () => number === 0,
      ),
    ),
    fc.constant(
      command(
        'nobody waits for ever',
        (model, rig) => {
          rig.feed({ type: 'lobby_timeout', waitedMs: 60_000, missing: 'engine' });
          model.waiting = null;
        },
        ({ phase, waiting }) => phase === 'lobby' && waiting !== null,
      ),
    ),
    ms.map((length) =>
      command(`append ${length} ms`, (model, rig) => {
        rig.append(length);
        model.bufferMs += length;
      }),
    ),
    fc.constant(
      command(
        'speech starts',
        (model, rig) => {
          const { endSample, catchUpSample } = rig.state.input;
          rig.feed({ type: 'speech_started', atSample: endSample });
          model.speaking = true;
          if (endSample >= catchUpSample && model.detection?.interrupt) ended(model);
        },
        ({ detection, speaking, phase }) => detection !== null && !speaking && phase === 'ready',
      ),
    ),
    ms.map((length) =>
      command(
        `speech stops after ${length} ms`,
        (model, rig) => {
          rig.append(length);
          rig.feed({ type: 'speech_stopped', atSample: rig.state.input.endSample });
          added(model, rig, model.items.length);
          Object.assign(model, { speaking: false, bufferMs: 0 });
          if (model.detection?.create && model.phase !== 'failed') model.waiting ??= 'turn';
        },
        ({ speaking }) => speaking,
      ),
    ),
    fc.constant(
      command('commit', (model, rig) => {
        rig.client({ type: 'input_audio_buffer.commit' });
        if (model.bufferMs < 100) return;
        added(model, rig, model.items.length);
        Object.assign(model, { speaking: false, bufferMs: 0 });
      }),
    ),
    fc.constant(
      command('clear', (model, rig) => {
        rig.client({ type: 'input_audio_buffer.clear' });
        Object.assign(model, { speaking: false, bufferMs: 0 });
      }),
    ),
    fc.option(fc.record({ create: fc.boolean(), interrupt: fc.boolean() })).map((detection) =>
      command(`detect ${JSON.stringify(detection)}`, (model, rig) => {
        const turn_detection = detection && {
          type: 'server_vad',
          create_response: detection.create,
          interrupt_response: detection.interrupt,
        };
        rig.client({ type: 'session.update', session: { audio: { input: { turn_detection } } } });
        model.detection = detection;
        if (!detection) model.speaking = false;
      }),
    ),
    fc.constant(
      command('ask', (model, rig) => {
        asks += 1;
        rig.client({
          type: 'response.create',
          event_id: `ask ${asks}`,
          response: { metadata: { ask: `ask ${asks}` } },
        });
        if (!model.running && model.waiting !== 'client' && model.phase !== 'failed')
          model.waiting = 'client';
      }),
    ),
    fc.constant(
      command('cancel', (model, rig) => {
        rig.client({ type: 'response.cancel' });
        if (model.running) ended(model);
        else model.waiting = null;
      }),
    ),
    fc.constantFrom<string | number>('Hello. ', 40).map((chunk) =>
      command(
        `output ${chunk}`,
        (model, rig) => {
          rig.output(chunk);
          if (!model.answerAt || model.answerAt.shown) return;
          const index = model.items.indexOf(model.answerAt.after ?? '') + 1;
          model.answerAt = { after: model.answerAt.after, shown: added(model, rig, index) };
        },
        ({ running }) => running,
      ),
    ),
    fc.boolean().map((fails) =>
      command(
        fails ? 'the answer fails' : 'the answer ends',
        (model, rig) => {
          const { responseId } = rig;
          if (fails) rig.feed({ type: 'output_failed', responseId, code: 'engine_call_failed', message: '' });
          else rig.end();
          ended(model);
        },
        ({ running }) => running,
      ),
    ),
    fc.nat({ max: 20 }).map((at) =>
      command(`say something at ${at}`, (model, rig) => {
        const after = at === 0 ? 'root' : model.items[at - 1];
        rig.client({
          type: 'conversation.item.create',
          ...(after && { previous_item_id: after }),
          item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x' }] },
        });
        added(model, rig, Math.min(at, model.items.length));
      }),
    ),
    fc.nat({ max: 20 }).map((at) =>
      command(
        `delete ${at}`,
        (model, rig) => {
          const index = at % model.items.length;
          const id = model.items[index] ?? '';
          rig.client({ type: 'conversation.item.delete', item_id: id });
          model.items.splice(index, 1);
          if (model.answerAt?.after === id)
            model.answerAt = { ...model.answerAt, after: model.items[index - 1] ?? null };
        },
        ({ items }) => items.length > 0,
      ),
    ),
  ],
  { size: 'max', maxCommands: 80 },
);

test('a conversation does what a model of eight fields says, whatever its shell and its client do', () => {
  fc.assert(
    fc.property(commands, (sequence) => {
      const rig = new Rig();
      const model: Model = {
        phase: 'lobby',
        running: false,
        waiting: null,
        speaking: false,
        detection: { create: true, interrupt: true },
        bufferMs: 0,
        items: [],
        answerAt: null,
      };
      fc.modelRun(() => ({ model, real: rig }), sequence);
    }),
    { numRuns: 500 },
  );
});
