import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { type MachineSources, machineFingerprint } from './fingerprint.ts';
import { fileStorage } from './storage.ts';
import { temporaryFolder } from './testing.ts';

const Vectors = z.object({
  vectors: z.array(
    z.object({
      name: z.string(),
      system: z.enum(['linux', 'darwin', 'win32']),
      source: z.string(),
      output: z.string(),
      machine_id: z.nullable(z.string()),
      fingerprint: z.nullable(z.string()),
    }),
  ),
  random_id: z.object({ machine_id: z.string(), fingerprint: z.string(), stored_in: z.string() }),
});
const { vectors, random_id: random } = z.parse(
  Vectors,
  JSON.parse(readFileSync('clients/docs/fingerprint-vectors.json', 'utf8')),
);

let place: { folder: string; remove(): Promise<void> };
beforeEach(async () => {
  place = await temporaryFolder();
});
afterEach(() => place.remove());

/** A machine whose files and commands return `outputs`, and fail otherwise. */
function machine(system: NodeJS.Platform, outputs: Readonly<Record<string, string>>): MachineSources {
  const read = async (name: string): Promise<string> => outputs[name] ?? Promise.reject(new Error('ENOENT'));
  return { system, read, run: (command, args) => read([command, ...args].join(' ')) };
}
const fingerprint = (sources: MachineSources, folder: string | undefined = place.folder) =>
  machineFingerprint(fileStorage(folder), sources);

describe('the published vectors:', () => {
  test.each(vectors)('$system, $source: $name', async ({ system, source, output, ...expected }) => {
    const found = await machineFingerprint(
      fileStorage(undefined),
      machine(system, { [source]: output }),
    ).catch(({ code }) => code);
    expect(found).toBe(expected.fingerprint ?? 'FINGERPRINT_UNAVAILABLE');
    if (expected.machine_id) expect(found).not.toContain(expected.machine_id);
  });

  test('a random id, at its place', async () => {
    await writeFile(join(place.folder, random.stored_in), random.machine_id);
    expect(await fingerprint(machine('linux', {}))).toBe(random.fingerprint);
  });
});

describe('without a machine id', () => {
  const withoutId = machine('linux', { '/etc/machine-id': 'uninitialized\n' });

  test('a random fingerprint is stored and stays the same', async () => {
    const one = await fingerprint(withoutId);
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(await fingerprint(withoutId)).toBe(one);
    expect(await fingerprint(withoutId, `${place.folder}/of another machine`)).not.toBe(one);
  });

  test('programs that start at the same time agree on one', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => fingerprint(withoutId)));
    expect(new Set(all).size).toBe(1);
    expect(await readdir(place.folder)).toHaveLength(1);
  });

  test('a stored text that is no id is replaced', async () => {
    await writeFile(join(place.folder, random.stored_in), '');
    const one = await fingerprint(withoutId);
    expect(await fingerprint(withoutId)).toBe(one);
    expect(await readFile(join(place.folder, random.stored_in), 'utf8')).toHaveLength(36);
  });

  test.each([
    ['there is no home', () => undefined, 'a home folder: there is none'],
    ['the folder cannot be written', () => '/proc/seatlease', '/proc/seatlease'],
  ])('throws FINGERPRINT_UNAVAILABLE, which says what to set, if %s', async (_, folder, where) => {
    const failing = machineFingerprint(fileStorage(folder()), withoutId);
    await expect(failing).rejects.toMatchObject({ code: 'FINGERPRINT_UNAVAILABLE' });
    await expect(failing).rejects.toThrow(where);
    await expect(failing).rejects.toThrow('SEATLEASE_FINGERPRINT');
  });
});
