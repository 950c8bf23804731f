import { describe, expect, test } from 'vitest';
import {
  MOST_REVOKED_KEYS,
  MOST_REVOKED_LICENSES,
  NOTHING_REVOKED,
  type Revocations,
  withKey,
  withLicense,
  withoutEntry,
} from './revocations.ts';

const NOW_MS = 1_000_000;
const key = (n: number) => ({ keyId: `key-${n}`, thumbprint: `t${n}`, sinceMs: null, revokedAtMs: 0 });
const license = (n: number, untilMs = NOW_MS + 1) => ({
  jti: `jti-${n}`,
  tenantId: 'ten_1',
  licenseId: 'lic_1',
  untilMs,
  revokedAtMs: 0,
});
const listOf = (entries: Partial<Revocations>): Revocations => ({ ...NOTHING_REVOKED, ...entries });

describe('the list of revocations', () => {
  test('takes no more keys and licenses than it has room for, and the same ones again', () => {
    const full = listOf({
      keys: Array.from({ length: MOST_REVOKED_KEYS }, (_, n) => key(n)),
      licenses: Array.from({ length: MOST_REVOKED_LICENSES }, (_, n) => license(n)),
    });
    expect(withKey(full, key(MOST_REVOKED_KEYS), NOW_MS)).toBe('FULL');
    expect(withLicense(full, license(MOST_REVOKED_LICENSES), NOW_MS)).toBe('FULL');
    expect(withKey(full, key(0), NOW_MS)).toMatchObject({ sequence: 1 });
    expect(withLicense(full, license(0), NOW_MS)).toMatchObject({ sequence: 1 });
  });

  test('loses licenses that have ended with each change, and no key', () => {
    const list = listOf({ keys: [key(1)], licenses: [license(1, NOW_MS), license(2)] });
    expect(withKey(list, key(2), NOW_MS)).toMatchObject({
      keys: [key(1), key(2)],
      licenses: [license(2)],
    });
    expect(withoutEntry(list, 'key-1', NOW_MS)).toMatchObject({ keys: [], licenses: [license(2)] });
    expect(withoutEntry(list, 'unknown', NOW_MS)).toBeUndefined();
  });
});
