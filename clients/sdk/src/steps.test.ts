import { describe, expect, test } from 'vitest';
import { SeatleaseError } from './errors.ts';
import { stepAfter } from './steps.ts';

const errorOf = (code: string, status?: number, ended?: string) =>
  new SeatleaseError(code, 'No.', { status, members: ended === undefined ? {} : { ended } });

describe('what follows a code that the table does not have', () => {
  test.each([
    ['NO_ANSWER', undefined, 'outage'],
    ['NEW_CODE', 429, 'outage'],
    ['NEW_CODE', 500, 'outage'],
    ['NEW_CODE', 503, 'outage'],
    ['NEW_CODE', 400, 'stop'],
    ['NEW_CODE', 499, 'stop'],
    ['constructor', 404, 'stop'],
  ])('%s with status %s at the first acquire: %s', (code, status, step) => {
    expect(stepAfter(errorOf(code, status), false)).toBe(step);
  });

  test('while a seat is held, it says nothing about the seat', () => {
    expect(stepAfter(errorOf('NEW_CODE', 400), true)).toBe('repair');
  });
});

test.each([
  ['expired', 'acquire'],
  ['unknown', 'acquire'],
  ['released', 'stop'],
  ['evicted', 'stop'],
  ['a new word', 'acquire'],
  ['constructor', 'acquire'],
  [undefined, 'acquire'],
])('a session that is gone because it is %s is followed by: %s', (ended, step) => {
  expect(stepAfter(errorOf('SESSION_NOT_FOUND', 404, ended), true)).toBe(step);
});

test('a sign-in that has ended ends the seat, as refused credentials do', () => {
  expect(stepAfter(errorOf('SIGN_IN_REFUSED'), true)).toEqual(
    stepAfter(errorOf('CREDENTIALS_INVALID', 401), true),
  );
  expect(stepAfter(errorOf('SIGN_IN_REFUSED'), true)).toBe('stop');
});
