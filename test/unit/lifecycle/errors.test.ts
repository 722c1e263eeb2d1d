import { describe, expect, test } from 'vitest';
import { GreenroomError, messageOf, toGreenroomError } from '../../../src/lifecycle/errors.ts';

describe('an error of ours', () => {
  test('has the facts of its code on every surface, and its details in the body', () => {
    const error = new GreenroomError('sessions_full', '200 sessions are open', { details: { max: 200 } });
    expect([error.httpStatus, error.closeCode, error.exitCode]).toEqual([503, 1013, 1]);
    expect(error.toBody()).toEqual({
      error: {
        code: 'sessions_full',
        message: '200 sessions are open',
        type: 'unavailable_error',
        details: { max: 200 },
      },
    });
    expect('cause' in error).toBe(false);
  });

  test('is made of whatever was thrown, with the original as its cause, and of itself unchanged', () => {
    const ours = new GreenroomError('cancelled', 'nobody waits');
    expect(toGreenroomError(ours)).toBe(ours);
    const theirs = new TypeError('not a function');
    expect(toGreenroomError(theirs)).toMatchObject({
      code: 'internal_error',
      message: 'not a function',
      cause: theirs,
    });
    expect(toGreenroomError('a string', 'listen_failed')).toMatchObject({
      code: 'listen_failed',
      message: 'a string',
      cause: 'a string',
    });
    expect(messageOf(undefined)).toBe('undefined');
  });
});
