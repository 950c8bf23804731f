import { expect, test } from 'vitest';
import { describeInfra } from './testing/describe-infra.ts';

describeInfra('a deploy', () => {
  /** A clock that a sleep moves on, and the sleeps in seconds. */
  async function clockAt(seconds: number) {
    const { grantClock } = await import('./iam-delay.ts');
    const slept: number[] = [];
    let nowMs = seconds * 1_000;
    const clock = grantClock(
      () => nowMs,
      async (milliseconds) => {
        slept.push(milliseconds / 1_000);
        nowMs += milliseconds;
      },
    );
    return {
      ...clock,
      slept,
      passes: (more: number) => {
        nowMs += more * 1_000;
      },
    };
  }

  test('does not wait for IAM if it creates no grant', async () => {
    const { applied, slept } = await clockAt(1_000);
    await applied();
    expect(slept).toEqual([]);
  });

  test('waits until the last grant is a minute old, once for all functions', async () => {
    const { granted, applied, slept, passes } = await clockAt(1_000);
    granted();
    passes(5);
    granted();
    passes(20);
    await applied();
    await applied();
    expect(slept).toEqual([40]);
  });

  test('waits again for a grant that it creates later', async () => {
    const { granted, applied, slept, passes } = await clockAt(1_000);
    granted();
    await applied();
    passes(10);
    granted();
    await applied();
    expect(slept).toEqual([60, 60]);
  });
});
