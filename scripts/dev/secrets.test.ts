import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig } from '../../shared/config.ts';
import { SETTINGS } from '../../shared/settings.ts';
import { localSecrets, readLocalConfig } from './secrets.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'seatlease-secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('creates valid secrets, and keeps them', () => {
  const secrets = localSecrets(folder);
  expect(readConfig(secrets).operatorKey).toMatch(/^sop_/);
  expect(localSecrets(folder)).toEqual(secrets);
});

test('adds secrets that are missing in an older data folder, and keeps the others', () => {
  const { REFRESH_TOKEN_KEYS: _, ACCESS_TOKEN_PUBLIC_KEYS: publicKeys, ...older } = localSecrets(folder);
  writeFileSync(join(folder, 'secrets.json'), JSON.stringify(older));
  const secrets = localSecrets(folder);
  expect(secrets).toMatchObject({ ...older, ACCESS_TOKEN_PUBLIC_KEYS: publicKeys });
  expect(secrets.REFRESH_TOKEN_KEYS).toMatch(/^[0-9a-f]{64}$/);
  expect(localSecrets(folder)).toEqual(secrets);
});

test('accepts usage of the meter that the table of settings names as the local default', () => {
  expect(readLocalConfig({ SEATLEASE_DATA: folder }).usageMeters).toEqual(['exports']);
  expect(SETTINGS.USAGE_METERS.unset).toContain('`exports` on the local server');
});
