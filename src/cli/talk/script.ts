// What is said in one call, in order: the lines, then the recording. Every step waits for what it caused, and ends
// early when the call does. Owns the task of the microphone, through the scope it is given.
import { durationMs } from '../../audio/pcm.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { sessionRateHz } from '../../wire/session-config.ts';
import type { Call } from './call.ts';
import type { Recording, TalkPlan } from './plan.ts';
import { microphone } from './recording.ts';
import { engineText, quoted } from './report.ts';

/** Said in the call, but about the recording: no fault of the gateway. */
export class NoSpeech extends Error {
  override readonly name = 'NoSpeech';
}

/** Silence beyond what ends a turn: voice activity is found a little after it was spoken. */
const quietMs = 700;
/** The same while nothing was heard at all: a slow machine is given its time. */
const unheardMs = 2500;
/** The longest silence that semantic turn detection asks for. */
const semanticSilenceMs = 1200;

/** Throws `deadline_exceeded`, `not_ready`, or NoSpeech. */
export async function converse(call: Call, plan: TalkPlan, scope: Scope): Promise<'done' | 'ended'> {
  const { recording, lines, turns } = plan;
  if ((await ready(call)) === 'ended') return 'ended';
  for (const line of lines) {
    const { eventId } = call.connection.say(line);
    call.answers.asked({ eventId, atMs: call.clock.now() });
    if ((await answered(call, quoted(line))) === 'ended') return 'ended';
  }
  if (!recording) return 'done';
  if (recording.pcm.every((sample) => sample === 0)) throw unheard(recording, 'holds no sound');
  const said = turns === 'pushed' ? push(call, recording) : speak(call, recording, scope);
  return (await said) === 'ended' ? 'ended' : 'done';
}

function ready(call: Call): Promise<'met' | 'ended'> {
  const { connection } = call;
  return call.expect({
    met: () => connection.lobby?.state === 'ready',
    missing: () => {
      const engines = connection.lobby?.engines.filter(({ state }) => state !== 'ready') ?? [];
      const which = engines.map(engineText).join('; ') || 'it has not said what is missing';
      return `the gateway was not ready (${which})`;
    },
    code: 'not_ready',
  });
}

function answered(call: Call, question: string): Promise<'met' | 'ended'> {
  const { answers } = call;
  return call.expect({
    met: () => answers.owed === 'none',
    missing: () =>
      answers.owed === 'start' ? `no answer to ${question}` : `the answer to ${question} did not end`,
  });
}

/** Push to talk: the whole recording is one turn, and we ask for the answer. */
async function push(call: Call, { name, pcm }: Recording): Promise<'met' | 'ended'> {
  const { connection } = call;
  connection.send({ type: 'session.update', session: { audio: { input: { turn_detection: null } } } });
  const updated = await call.expect({
    met: () => call.session?.audio.input.turn_detection === null,
    missing: () => 'turn detection was not switched off',
  });
  if (updated === 'ended') return 'ended';
  connection.append(pcm);
  connection.commit();
  call.answers.asked({ eventId: connection.createResponse(), atMs: call.clock.now() });
  return answered(call, name);
}

/** As a microphone: the gateway hears where turns begin and end. */
async function speak(call: Call, recording: Recording, scope: Scope): Promise<'met' | 'ended'> {
  const { connection, clock } = call;
  const { name, pcm } = recording;
  if ((await listening(call)) === 'ended') return 'ended';
  const silenceMs = silenceOf(call);
  let sending: 'on' | 'off' = 'on';
  const sender = scope.spawn(`microphone ${name}`, (signal) =>
    microphone({
      pcm,
      clock,
      signal,
      append: (piece) => {
        if (connection.state === 'open') connection.append(piece);
      },
      silence: (sentMs) => {
        const { state } = call.speech;
        const enoughMs = silenceMs + (state === 'none' ? unheardMs : quietMs);
        if (state === 'open') return sentMs < call.timeoutMs ? 'more' : 'enough';
        return sentMs < enoughMs ? 'more' : 'enough';
      },
    }),
  );
  void sender.done.then(() => {
    sending = 'off';
    call.wake();
  });
  const sent = await call.expect({
    met: () => sending === 'off',
    missing: () => `${name} was not sent`,
    timeoutMs: durationMs(pcm.length, sessionRateHz) + 2 * call.timeoutMs,
  });
  await sender.cancel('done');
  if (sent === 'ended') return 'ended';
  const { state, atMs } = call.speech;
  if (state === 'none') throw unheard(recording, 'holds no speech that the gateway could hear');
  if (state === 'open') {
    const message = `the speech that began at ${atMs} ms did not end within ${call.timeoutMs} ms of silence`;
    throw new GreenroomError('deadline_exceeded', message);
  }
  return answered(call, `what was said until ${atMs} ms`);
}

/** Turn detection that answers is what a microphone needs; a pipeline may have been set up otherwise. */
async function listening(call: Call): Promise<'met' | 'ended'> {
  const on = () => call.session?.audio.input.turn_detection?.create_response === true;
  const { session } = call;
  if (!on()) {
    const turnDetection = { type: 'server_vad', create_response: true } as const;
    call.connection.send({
      type: 'session.update',
      session: { audio: { input: { turn_detection: turnDetection } } },
    });
  }
  const answered = await call.expect({
    met: () => on() || call.session !== session,
    missing: () => 'turn detection was not switched on',
  });
  if (answered === 'ended' || on()) return answered;
  const message = `pipeline ${session?.model} detects no turns: nothing of it hears; say it with --text`;
  throw new GreenroomError('engine_call_unsupported', message);
}

function silenceOf({ session }: Call): number {
  const detection = session?.audio.input.turn_detection;
  return detection?.type === 'server_vad' ? detection.silence_duration_ms : semanticSilenceMs;
}

function unheard({ name, pcm }: Recording, what: string): NoSpeech {
  return new NoSpeech(`${name} ${what} (${(durationMs(pcm.length, sessionRateHz) / 1000).toFixed(2)} s)`);
}
