import { describe, expect, test } from 'vitest';
import { LiveReport } from '../../../../src/cli/talk/live-report.ts';
import { TalkReport } from '../../../../src/cli/talk/report.ts';
import type { TaskNotice } from '../../../../src/wire/notices.ts';
import { testIo } from '../fake-echo.ts';

/** As it is shown on a terminal of so many columns: colours as `<style>`. */
function shownAt(columns: number) {
  const lines: string[] = [];
  const paint = (style: unknown, text: string) => `<${String(style)}>${text}</>`;
  const look = { paint, columns, painted: (line: string) => lines.push(...line.split('\n')) };
  return { report: new LiveReport(testIo('/'), 'lines', look), lines };
}

const answer = {
  responseId: 'r',
  status: 'completed',
  audioMs: 900,
  firstAudioMs: 1,
  failure: null,
} as const;

describe('on a terminal', () => {
  test('an answer has its length behind it, where there is room', () => {
    const { report, lines } = shownAt(40);
    report.answer({ ...answer, transcript: 'Hello there' });
    report.answer({ ...answer, transcript: 'Hello there, this fits exactly' });
    expect(lines).toEqual([
      '  <cyan>answer  </>Hello there  <dim>900 ms</>',
      '  <cyan>answer  </>Hello there, this fits',
      '          exactly  <dim>900 ms</>',
    ]);
  });

  test('what another has written is text, a line feed in it a line, and colours are ours alone', () => {
    const { report, lines } = shownAt(80);
    report.answer({ ...answer, transcript: 'one\n\u001b[31mtwo\tthree' });
    report.error('co\u0007de', 'me\u009bssage');
    expect(lines).toEqual([
      '  <cyan>answer  </>one',
      '          \\u001b[31mtwo three  <dim>900 ms</>',
      '  <red>error   </>me\\u009bssage  <dim>[co\\u0007de]</>',
    ]);
  });
});

describe('background work', () => {
  const task: Omit<TaskNotice, 'state' | 'result'> = {
    ...{
      type: 'greenroom.task',
      id: 'task_1',
      name: 'assessment',
      message: 'assessment is done after 2.0 s',
    },
    progress: { pieces: 3, chars: 14, elapsed_ms: 2000 },
  };

  test('is shown as it goes, with its result; one that fails is not the call that failed', () => {
    const { report, lines } = shownAt(80);
    report.task({
      ...task,
      state: 'progress',
      message: 'assessment: 14 characters after 2.0 s',
      result: null,
    });
    report.task({ ...task, state: 'done', result: { level: 'B2' } });
    const error = { code: 'engine_exited', message: 'it died' };
    report.task({ ...task, state: 'failed', message: 'assessment has failed', result: null, error });
    expect(lines).toEqual([
      '  <cyan>task    </>assessment: 14 characters after 2.0 s',
      '  <cyan>task    </>{"level":"B2"}  <dim>assessment</>',
      '  <red>task    </>assessment has failed',
    ]);
    expect(report.exitCode).toBe(0);
  });

  test('is a line of a log, and an event of --json', () => {
    const io = testIo('/');
    new LiveReport(io, 'lines', null).task({ ...task, state: 'done', result: 'Well done.' });
    expect(io.errLines).toEqual(['task: assessment is done after 2.0 s: Well done.']);
    new LiveReport(io, 'json', null).task({ ...task, state: 'done', result: { level: 'B2' } });
    const { type: _, ...facts } = task;
    expect(io.events().at(-1)).toEqual({ event: 'task', ...facts, state: 'done', result: { level: 'B2' } });
  });
});

describe('a line that is refused', () => {
  test('for its length is a fault', () => {
    const io = testIo('/');
    const report = new LiveReport(io, 'json', null);
    report.said('x'.repeat(300_000), { itemId: 'item_1', eventId: 'e', state: 'refused' });
    expect(io.events().at(-1)).toMatchObject({ event: 'error', code: 'not_sent' });
    expect(String(io.events().at(-1)?.['message']).length).toBeLessThan(300);
    expect(report.exitCode).toBe(1);
  });

  test('because the call has ended says so, and is none', () => {
    const io = testIo('/');
    const report = new LiveReport(io, 'lines', null);
    report.said('too late', { itemId: '', eventId: 'e', state: 'refused' });
    expect(io.errLines).toEqual(['error: "too late" was not sent: the call has ended [not_sent]']);
    expect(report.exitCode).toBe(0);
  });
});

test('a line of an answer says what there was of it, and that a task was cancelled', () => {
  const io = testIo('/');
  const report = new TalkReport(io, 'lines');
  report.answer({ ...answer, transcript: 'Read this.', audioMs: 0, firstAudioMs: null });
  report.answer({ ...answer, transcript: 'Hear this.' });
  report.answer({ ...answer, status: 'cancelled', transcript: '', audioMs: 0, firstAudioMs: null });
  expect(io.outLines).toEqual([
    'answer: "Read this."',
    'answer: "Hear this." 0.90 s of audio, first audio after 1 ms',
    'answer (cancelled): nothing was said',
  ]);
  const task = { type: 'greenroom.task', id: 't', name: 'assess', progress: null, result: null } as const;
  report.task({ ...task, state: 'cancelled', message: 'the session ended' } as unknown as TaskNotice);
  expect(io.errLines.at(-1)).toBe('task: assess was cancelled: the session ended');
});
