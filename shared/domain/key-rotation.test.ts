import { describe, expect, test } from 'vitest';
import { disabling, nextStep, PUBLISHED_EVERYWHERE_AFTER_MS } from './key-rotation.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = Date.UTC(2027, 0, 15);

type State = 'pending' | 'enabled' | 'disabled' | 'gone';

/** Versions numbered from 1; `current` is the one that signs. Each is a year old unless an age is given. */
function versions(states: readonly (State | readonly [State, ageMs: number])[], current: number) {
  return states.map((each, index) => {
    const [state, ageMs] = typeof each === 'string' ? [each, 365 * DAY_MS] : each;
    return { number: index + 1, state, createdAtMs: NOW_MS - ageMs, isCurrent: index + 1 === current };
  });
}
const step = (...args: Parameters<typeof versions>) => nextStep(versions(...args), NOW_MS);
const urgent = (...args: Parameters<typeof versions>) => nextStep(versions(...args), NOW_MS, true);

const KNOWN_MS = PUBLISHED_EVERYWHERE_AFTER_MS;

describe('the next step of a rotation', () => {
  test('creates a version if none is newer than the signing one', () => {
    expect(step(['enabled'], 1)).toEqual({ step: 'create' });
    expect(step(['gone', 'disabled', 'enabled', 'disabled', 'gone'], 3)).toEqual({ step: 'create' });
  });

  test.each([
    [0, 'wait'],
    [KNOWN_MS - 1, 'wait'],
    [KNOWN_MS, 'pin'],
  ])('waits before it pins a new version: %i ms old, %s', (ageMs, kind) => {
    expect(step(['enabled', ['enabled', ageMs]], 1)).toMatchObject({ step: kind, version: { number: 2 } });
  });

  test('reports how long to wait', () => {
    expect(step(['enabled', ['enabled', 1000]], 1)).toMatchObject({ untilMs: NOW_MS - 1000 + KNOWN_MS });
  });

  test('waits for a pending version, and then as long as for any other', () => {
    expect(step(['enabled', ['pending', KNOWN_MS]], 1)).toMatchObject({
      step: 'wait',
      version: { number: 2 },
      untilMs: NOW_MS + KNOWN_MS,
    });
  });

  test('pins the newest enabled version of several new ones', () => {
    expect(step(['enabled', 'enabled', 'enabled', 'disabled'], 1)).toMatchObject({
      step: 'pin',
      version: { number: 3 },
    });
    expect(step(['enabled', 'enabled', 'pending'], 1)).toMatchObject({ step: 'pin', version: { number: 2 } });
  });

  test('retires the older versions once the new one signs, and creates none', () => {
    const retire = step(['gone', 'enabled', 'disabled', 'enabled', ['enabled', DAY_MS]], 5);
    expect(retire).toMatchObject({ step: 'retire', versions: [{ number: 2 }, { number: 4 }] });
  });

  test('retires an old version only after a 90-day license signed just before the new deployment has expired', () => {
    expect(step(['enabled', ['enabled', DAY_MS]], 2)).toMatchObject({
      step: 'retire',
      notBeforeMs: NOW_MS - DAY_MS + KNOWN_MS + 90 * DAY_MS,
    });
  });
});

describe('a compromised key', () => {
  test('gets a new version at once, whatever older versions are enabled', () => {
    expect(urgent(['enabled', 'enabled'], 2)).toEqual({ step: 'create' });
  });

  test('is replaced by a newer version as soon as that is enabled', () => {
    expect(urgent(['enabled', ['enabled', 0]], 1)).toMatchObject({ step: 'pin', version: { number: 2 } });
    expect(urgent(['enabled', ['pending', 0]], 1)).toMatchObject({ step: 'wait', untilMs: NOW_MS });
  });

  test('is never replaced by an older version, which the attacker could have used too', () => {
    const pending = urgent(['enabled', 'disabled', ['pending', 0]], 2);
    expect(pending).toMatchObject({ step: 'wait', version: { number: 3 } });
    expect(urgent(['enabled', 'disabled'], 2)).toEqual({ step: 'create' });
  });
});

describe('does not wait if the configured version cannot sign', () => {
  test.each([
    ['it is disabled', ['enabled', 'disabled', ['enabled', 0]], 2, { step: 'pin', version: { number: 3 } }],
    ['it is disabled, and an older one is enabled', ['enabled', 'disabled'], 2, { step: 'pin' }],
    ['it is still pending', ['pending'], 1, { step: 'wait', untilMs: NOW_MS }],
    ['it is destroyed, and no other is enabled', ['disabled', 'gone'], 2, { step: 'create' }],
    ['it does not exist', ['disabled', ['enabled', 0]], 9, { step: 'pin', version: { number: 2 } }],
  ] as const)('%s', (_, states, current, expected) => {
    expect(step(states, current)).toMatchObject(expected);
  });
});

describe('the check before disabling a version', () => {
  const all = versions(['gone', 'disabled', 'enabled', ['enabled', DAY_MS], ['pending', 0]], 4);
  const untilMs = NOW_MS - DAY_MS + KNOWN_MS + 90 * DAY_MS;

  test.each([
    [1, { verdict: 'OUT_OF_USE' }],
    [2, { verdict: 'OUT_OF_USE' }],
    [3, { verdict: 'HAS_SIGNED', untilMs }],
    [4, { verdict: 'SIGNS' }],
    [5, { verdict: 'UNUSED' }],
    [6, { verdict: 'UNKNOWN' }],
  ])('reports what depends on version %i', (number, expected) => {
    expect(disabling(all, number)).toMatchObject(expected);
  });

  test('assumes that an older version has signed, even if the current one can no longer sign', () => {
    expect(disabling(versions(['enabled', ['disabled', DAY_MS]], 2), 1)).toMatchObject({
      verdict: 'HAS_SIGNED',
      untilMs,
    });
  });

  test('assumes that any version may have signed if the current one is unknown', () => {
    expect(disabling(versions(['enabled', ['enabled', DAY_MS]], 9), 2)).toMatchObject({
      verdict: 'HAS_SIGNED',
      untilMs,
    });
  });
});
