import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NO_BROWSER, openBrowser } from './open-browser.ts';
import { temporaryFolder } from './testing.ts';

const ADDRESS = 'https://licenses.example.com/auth/login?state=1&x="; $(exit 9)';

let place: { folder: string; remove(): Promise<void> };
let printed: string;
let ended: AbortController;
beforeEach(async () => {
  place = await temporaryFolder();
  printed = '';
  ended = new AbortController();
  vi.stubEnv('PATH', place.folder);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(async () => {
  ended.abort();
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await place.remove();
});

/** The system's command, as a shell script. */
function command(script: string): void {
  for (const name of ['xdg-open', 'open']) {
    writeFileSync(join(place.folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(place.folder, name), 0o755);
  }
}
const open = () => openBrowser(ADDRESS, ended.signal);
const message = `Open this address in a browser on this machine: ${ADDRESS}\n`;

test.each([
  ['is missing', undefined],
  ['exits with 3: it found no browser', 'exit 3'],
  ['is killed', 'kill -9 $$'],
])('reports that there is no browser if the command %s', async (_, script) => {
  if (script) command(script);
  expect(await open()).toBe(NO_BROWSER);
  expect(printed).toBe('');
});

test('the address is printed if the command does not return, unless the sign-in has ended', () => {
  command('exec /bin/sleep 5');
  vi.useFakeTimers();
  open();
  vi.advanceTimersByTime(4_999);
  expect(printed).toBe('');
  vi.advanceTimersByTime(1);
  expect(printed).toBe(message);
  open();
  ended.abort();
  vi.advanceTimersByTime(5_000);
  expect(printed).toBe(message);
});

test('nothing is printed if the command opens the address', async () => {
  const seen = join(place.folder, 'seen');
  command(`printf %s "$1" > '${seen}'`);
  expect(await open()).toBeUndefined();
  await expect.poll(() => existsSync(seen) && readFileSync(seen, 'utf8')).toBe(ADDRESS);
  expect(printed).toBe('');
});
