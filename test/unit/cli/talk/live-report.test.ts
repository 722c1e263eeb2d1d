import { describe, expect, test } from 'vitest';
import { LiveReport } from '../../../../src/cli/talk/live-report.ts';
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
