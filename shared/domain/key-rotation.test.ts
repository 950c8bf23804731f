import { describe, expect, test } from 'vitest';
import { disabling, nextStep, PUBLISHED_EVERYWHERE_AFTER_MS } from './key-rotation.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2027, 0, 15);

type State = 'pending' | 'enabled' | 'disabled' | 'gone';

/** Versions counted from 1, of which `current` signs. Each is a year old, unless it says otherwise. */
function versions(states: readonly (State | readonly [State, ageMs: number])[], current: number) {
  return states.map((each, index) => {
    const [state, ageMs] = typeof each === 'string' ? [each, 365 * DAY_MS] : each;
    return { number: index + 1, state, createdAtMs: NOW_MS - ageMs, isCurrent: index + 1 === current };
  });
}
const step = (...asked: Parameters<typeof versions>) => nextStep(versions(...asked), NOW_MS);
const urgent = (...asked: Parameters<typeof versions>) => nextStep(versions(...asked), NOW_MS, true);

const KNOWN_MS = PUBLISHED_EVERYWHERE_AFTER_MS;

describe('a rotation goes step by step', () => {
  test('a version is made where none is newer than the one that signs', () => {
    expect(step(['enabled'], 1)).toEqual({ step: 'create' });
    expect(step(['gone', 'disabled', 'enabled', 'disabled', 'gone'], 3)).toEqual({ step: 'create' });
  });

  test.each([
    [0, 'wait'],
    [KNOWN_MS - 1, 'wait'],
    [KNOWN_MS, 'pin'],
  ])('a version of %i ms is not named before everybody has it: %s', (ageMs, kind) => {
    expect(step(['enabled', ['enabled', ageMs]], 1)).toMatchObject({ step: kind, version: { number: 2 } });
  });

  test('how long to wait is said', () => {
    expect(step(['enabled', ['enabled', 1000]], 1)).toMatchObject({ untilMs: NOW_MS - 1000 + KNOWN_MS });
  });

  test('a version that is still being made is waited for, and then as long as for any other', () => {
    expect(step(['enabled', ['pending', KNOWN_MS]], 1)).toMatchObject({
      step: 'wait',
      version: { number: 2 },
      untilMs: NOW_MS + KNOWN_MS,
    });
  });

  test('of several new versions the newest that is there is named', () => {
    expect(step(['enabled', 'enabled', 'enabled', 'disabled'], 1)).toMatchObject({
      step: 'pin',
      version: { number: 3 },
    });
    expect(step(['enabled', 'enabled', 'pending'], 1)).toMatchObject({ step: 'pin', version: { number: 2 } });
  });

  test('once the new one signs, those before it are to go, and nothing is made anew', () => {
    const retire = step(['gone', 'enabled', 'disabled', 'enabled', ['enabled', DAY_MS]], 5);
    expect(retire).toMatchObject({ step: 'retire', versions: [{ number: 2 }, { number: 4 }] });
  });

  test('but not while a license of 90 days, signed just before the new one was deployed, may count', () => {
    expect(step(['enabled', ['enabled', DAY_MS]], 2)).toMatchObject({
      step: 'retire',
      notBeforeMs: NOW_MS - DAY_MS + KNOWN_MS + 90 * DAY_MS,
    });
  });
});

describe('a key in wrong hands', () => {
  test('gets a new version at once, whatever is still in use', () => {
    expect(urgent(['enabled', 'enabled'], 2)).toEqual({ step: 'create' });
  });

  test('gives way to a newer version as soon as there is one', () => {
    expect(urgent(['enabled', ['enabled', 0]], 1)).toMatchObject({ step: 'pin', version: { number: 2 } });
    expect(urgent(['enabled', ['pending', 0]], 1)).toMatchObject({ step: 'wait', untilMs: NOW_MS });
  });

  test('never gives way to an older version, which the same hands could use', () => {
    const pending = urgent(['enabled', 'disabled', ['pending', 0]], 2);
    expect(pending).toMatchObject({ step: 'wait', version: { number: 3 } });
    expect(urgent(['enabled', 'disabled'], 2)).toEqual({ step: 'create' });
  });
});

describe('where the version that the configuration names cannot sign, nothing is waited for', () => {
  test.each([
    ['it is disabled', ['enabled', 'disabled', ['enabled', 0]], 2, { step: 'pin', version: { number: 3 } }],
    ['it is disabled, and older ones are there', ['enabled', 'disabled'], 2, { step: 'pin' }],
    ['it is still being made', ['pending'], 1, { step: 'wait', untilMs: NOW_MS }],
    ['it is gone, and no other is there', ['disabled', 'gone'], 2, { step: 'create' }],
    ['it never was', ['disabled', ['enabled', 0]], 9, { step: 'pin', version: { number: 2 } }],
  ] as const)('%s', (_, states, current, expected) => {
    expect(step(states, current)).toMatchObject(expected);
  });
});

describe('before a version is disabled', () => {
  const all = versions(['gone', 'disabled', 'enabled', ['enabled', DAY_MS], ['pending', 0]], 4);
  const untilMs = NOW_MS - DAY_MS + KNOWN_MS + 90 * DAY_MS;

  test.each([
    [1, { verdict: 'OUT_OF_USE' }],
    [2, { verdict: 'OUT_OF_USE' }],
    [3, { verdict: 'HAS_SIGNED', untilMs }],
    [4, { verdict: 'SIGNS' }],
    [5, { verdict: 'UNUSED' }],
    [6, { verdict: 'UNKNOWN' }],
  ])('(%i) it is known what hangs on it', (number, expected) => {
    expect(disabling(all, number)).toMatchObject(expected);
  });

  test('one that is older than the version in use has signed, even if that one cannot sign any more', () => {
    expect(disabling(versions(['enabled', ['disabled', DAY_MS]], 2), 1)).toMatchObject({
      verdict: 'HAS_SIGNED',
      untilMs,
    });
  });

  test('where the one in use is not known, each may have signed', () => {
    expect(disabling(versions(['enabled', ['enabled', DAY_MS]], 9), 2)).toMatchObject({
      verdict: 'HAS_SIGNED',
      untilMs,
    });
  });
});
