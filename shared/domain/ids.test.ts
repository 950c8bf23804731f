import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  hashSecret,
  idOfOperatorToken,
  LICENSE_ID,
  licenseOfKey,
  licenseOfSession,
  newLicenseId,
  newLicenseKey,
  newOperatorToken,
  newPersonalId,
  newSessionId,
  newTenantId,
  SESSION_ID,
  shardOf,
  TENANT_ID,
} from './ids.ts';

const tenantId = newTenantId(16);
const licenseId = newLicenseId(tenantId);

test('spreads tenants evenly over the shards', () => {
  const counts = new Map<string, number>();
  for (let n = 0; n < 16_000; n += 1) {
    const shard = shardOf(newTenantId(16));
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  expect(counts.size).toBe(16);
  // 1,000 expected in each; 200 off is more than six standard deviations.
  for (const [shard, count] of counts) expect(Math.abs(count - 1000), `shard ${shard}`).toBeLessThan(200);
});

test.each([1, 2, 16, 100])('puts the two digits of one of %i shards into every tenant id', (shards) => {
  for (let n = 0; n < 500; n += 1) {
    const id = newTenantId(shards);
    expect(id).toMatch(TENANT_ID);
    expect(Number(shardOf(id))).toBeLessThan(shards);
  }
});

test('puts license, session and key into the shard of their tenant, and finds their license', () => {
  const sessionId = newSessionId(licenseId);
  const key = newLicenseKey(licenseId);
  expect(licenseId).toMatch(LICENSE_ID);
  expect(sessionId).toMatch(SESSION_ID);
  expect([shardOf(licenseId), shardOf(sessionId), shardOf(key)]).toEqual(Array(3).fill(shardOf(tenantId)));
  expect(licenseOfSession(sessionId)).toBe(licenseId);
  expect(licenseOfKey(key)).toBe(licenseId);
});

test('creates no id or key twice', () => {
  const created = [...Array(1000).keys()].flatMap(() => [
    newTenantId(16),
    newLicenseId(tenantId),
    newSessionId(licenseId),
    newLicenseKey(licenseId),
  ]);
  expect(new Set(created).size).toBe(created.length);
});

test('finds no license in text that does not have the form of a key', () => {
  const key = newLicenseKey(licenseId);
  const others = [
    '',
    licenseId,
    key.toUpperCase(),
    ` ${key}`,
    `${key} `,
    `${key}\n`,
    key.slice(0, -1),
    `${key}0`,
  ];
  for (const other of [...others, key.replace('slk', 'lic'), key.replace(/.$/, 'u'), `x\n${key}`]) {
    expect(licenseOfKey(other), JSON.stringify(other)).toBeUndefined();
  }
});

test('rejects an id with text before or after it, or with a changed form', () => {
  for (const [form, id] of [
    [TENANT_ID, tenantId],
    [LICENSE_ID, licenseId],
    [SESSION_ID, newSessionId(licenseId)],
  ] as const) {
    expect(id).toMatch(form);
    for (const other of [
      `${id}\n`,
      `\n${id}`,
      `${id}0`,
      id.slice(0, -1),
      id.replace('_', '-'),
      id.toUpperCase(),
    ]) {
      expect(other).not.toMatch(form);
    }
  }
});

test('hashes a key so that the hash does not contain it and differs for every key', () => {
  const key = newLicenseKey(licenseId);
  const hash = hashSecret(key);
  expect(hash).toMatch(/^[\w-]{43}$/);
  expect(hash).toBe(hashSecret(key));
  expect(hash).not.toContain(key.slice(-8));
  expect(hashSecret(newLicenseKey(licenseId))).not.toBe(hash);
});

test('finds the id of an operator token, whose checksum anyone can verify', () => {
  const tokenId = newPersonalId('opt');
  const token = newOperatorToken(tokenId);
  expect(idOfOperatorToken(token)).toBe(tokenId);
  expect(token).toMatch(/^slo_[0-9a-hjkmnp-tv-z]{16}_[0-9a-hjkmnp-tv-z]{39}$/);
  // As clients/docs/access.md describes it to scanners.
  const hash = createHash('sha256').update(token.slice(0, -7)).digest();
  const digits = [...hash.subarray(0, 7)].map((byte) => '0123456789abcdefghjkmnpqrstvwxyz'[byte & 31]);
  expect(token.slice(-7)).toBe(digits.join(''));
});

test('finds no operator token in text with a character changed, missing or added', () => {
  const token = newOperatorToken(newPersonalId('opt'));
  for (let at = 0; at < token.length; at += 1) {
    const changed = token[at] === '0' ? '1' : '0';
    expect(idOfOperatorToken(token.slice(0, at) + changed + token.slice(at + 1))).toBeUndefined();
    expect(idOfOperatorToken(token.slice(0, at) + token.slice(at + 1))).toBeUndefined();
  }
  for (const text of [`${token}0`, ` ${token}`, `${token}\n`, token.toUpperCase()])
    expect(idOfOperatorToken(text)).toBeUndefined();
});
