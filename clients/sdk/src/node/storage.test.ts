import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stateFolder } from './folders.ts';
import { fileStorage } from './storage.ts';
import { temporaryFolder } from './testing.ts';

let place: { folder: string; remove(): Promise<void> };
beforeEach(async () => {
  place = await temporaryFolder();
});
afterEach(() => place.remove());

describe('a stored text', () => {
  test('can be read by the next program, under any name, until it is removed', async () => {
    const names = ['a', 'A', '../../etc/passwd', 'a/b', 'nul', 'ü'.repeat(500), ''];
    const storage = fileStorage(join(place.folder, 'not', 'there', 'yet'));
    for (const name of names) await storage.write(name, `of ${name}`);
    const next = fileStorage(join(place.folder, 'not', 'there', 'yet'));
    for (const name of names) expect(await next.read(name)).toBe(`of ${name}`);
    await storage.remove('a');
    expect([await next.read('a'), await next.read('A')]).toEqual([undefined, 'of A']);
    expect(readdirSync(place.folder)).toEqual(['not']);
  });

  test('is readable by its user only', async () => {
    const folder = join(place.folder, 'state');
    await fileStorage(folder).write('license', 'secret');
    const modes = [folder, ...readdirSync(folder).map((file) => join(folder, file))];
    expect(modes.map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(['700', '600']);
  });

  test('is complete, also with concurrent writers', async () => {
    const texts = Array.from({ length: 20 }, (_, n) => String(n).repeat(10_000));
    const storage = fileStorage(place.folder);
    await Promise.all(texts.map((text) => storage.write('license', text)));
    expect(texts).toContain(await storage.read('license'));
    expect(readdirSync(place.folder)).toHaveLength(1);
  });

  test('is kept when it is created again', async () => {
    const storage = fileStorage(place.folder);
    await storage.create('id', 'first');
    await storage.create('id', 'second');
    expect(await storage.read('id')).toBe('first');
    expect(readdirSync(place.folder)).toHaveLength(1);
  });

  test('is lost without an error if it cannot be written', async () => {
    const file = join(place.folder, 'file');
    writeFileSync(file, '');
    const storage = fileStorage(join(file, 'state'));
    await storage.write('license', 'text');
    await storage.create('license', 'text');
    await storage.remove('license');
    expect(await storage.read('license')).toBeUndefined();
  });
});

test('nothing is stored without a folder', async () => {
  const storage = fileStorage(undefined);
  await storage.write('license', 'text');
  await storage.create('license', 'text');
  await storage.remove('license');
  expect(await storage.read('license')).toBeUndefined();
});

test.each<[NodeJS.Platform, Record<string, string>, string]>([
  ['linux', {}, '/home/ada/.local/state/seatlease'],
  ['linux', { XDG_STATE_HOME: '/state' }, '/state/seatlease'],
  ['linux', { XDG_STATE_HOME: 'state' }, '/home/ada/.local/state/seatlease'],
  ['darwin', { XDG_STATE_HOME: '/state' }, '/home/ada/Library/Application Support/seatlease'],
  ['win32', { LOCALAPPDATA: '/Local' }, '/Local/seatlease'],
  ['win32', {}, '/home/ada/AppData/Local/seatlease'],
  ['linux', { SEATLEASE_STATE_FOLDER: '/given', XDG_STATE_HOME: '/state' }, '/given'],
])('the state folder follows the conventions of %s, with the environment %o', (system, env, folder) => {
  expect(stateFolder(env, system, '/home/ada')).toBe(folder);
});

test.each<[NodeJS.Platform, Record<string, string>, string | undefined]>([
  ['linux', { XDG_STATE_HOME: '/state' }, '/state/seatlease'],
  ['linux', {}, undefined],
  ['darwin', {}, undefined],
  ['win32', {}, undefined],
])('a user of %s without a home, with the environment %o, has the state folder %s', (system, env, folder) => {
  expect(stateFolder(env, system, '')).toBe(folder);
});
