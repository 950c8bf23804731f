import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../config.ts';
import { USERS } from '../ports/collections.ts';
import { TEST_SECRETS } from '../testing/secrets.ts';
import { DataFolderInUse, lockDataFolder } from './data-folder.ts';
import { putLocalKey } from './signing-key.ts';
import { startFakeStripe } from './stripe/server.ts';
import { openLocalParts } from './wiring.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'seatlease-data-'));
  folder = join(parent, 'data');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

const SERVER_URL = 'http://127.0.0.1:8080';

describe('the files of the local server', () => {
  test('are readable by their owner only, like the folders', async () => {
    const lock = lockDataFolder(folder);
    lock.announce(SERVER_URL);
    putLocalKey(join(folder, 'signing-keys'), 1, inject('signingKeys')[0]);
    const { deps } = await openLocalParts(readConfig({ ...TEST_SECRETS, SEATLEASE_DATA: folder }));
    const stripe = await startFakeStripe({ file: join(folder, 'stripe.json') });
    await deps.records.get(USERS, 'usr_0000000000000000');
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
    const modes = names.map((name) => [name, modeOf(join(folder, name))]);
    await stripe.close();
    await deps.close();
    lock.release();

    expect(modes).toEqual([
      ['lock.db', '600'],
      ['records.db', '600'],
      ['records.db-shm', '600'],
      ['records.db-wal', '600'],
      ['server.json', '600'],
      ['service-key.pem', '600'],
      ['signing-keys', '700'],
      ['signing-keys/1.pem', '600'],
      ['stripe.json', '600'],
    ]);
    expect(modeOf(folder)).toBe('700');
  });
});

describe('the lock of a data folder', () => {
  const ADVICE = 'stop that server, or set SEATLEASE_DATA to another folder.';
  /** Another process that holds the lock until it is killed. */
  async function lockElsewhere(announced?: string) {
    const module = new URL('./data-folder.ts', import.meta.url).href;
    const code = `
      const { lockDataFolder } = await import(${JSON.stringify(module)});
      const lock = lockDataFolder(${JSON.stringify(folder)});
      ${announced === undefined ? '' : `lock.announce(${JSON.stringify(announced)});`}
      process.stdin.resume();
      process.stdout.write('locked');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return {
      pid: child.pid,
      async kill() {
        child.kill('SIGKILL');
        await once(child, 'close');
      },
    };
  }

  const messageOfSecondLock = (): string => {
    try {
      lockDataFolder(folder).release();
    } catch (error) {
      if (error instanceof DataFolderInUse) return error.message;
      throw error;
    }
    return 'locked';
  };

  test('refuses a second process, and names the folder, the URL and the process of the first', async () => {
    const first = await lockElsewhere(SERVER_URL);
    const message = messageOfSecondLock();
    await first.kill();
    expect(message).toBe(
      `The data folder ${folder} is already used by the server at ${SERVER_URL} (process ${first.pid}): ${ADVICE}`,
    );
  });

  test('refuses a second process also while the first is starting, and names its process', async () => {
    const first = await lockElsewhere();
    const message = messageOfSecondLock();
    await first.kill();
    expect(message).toBe(
      `The data folder ${folder} is already used by a server that is starting (process ${first.pid}): ${ADVICE}`,
    );
  });

  test('ends with the process that holds it, even when it is killed', async () => {
    const first = await lockElsewhere(SERVER_URL);
    await first.kill();
    // What the killed server announced is still there: only the lock counts.
    expect(readFileSync(join(folder, 'server.json'), 'utf8')).toContain(SERVER_URL);
    expect(messageOfSecondLock()).toBe('locked');
  });

  test('does not announce a killed server in place of the one that is starting', async () => {
    const first = await lockElsewhere('http://127.0.0.1:1');
    await first.kill();
    const second = await lockElsewhere();
    const message = messageOfSecondLock();
    await second.kill();
    expect(message).toContain(`is already used by a server that is starting (process ${second.pid})`);
  });

  test('refuses a second lock in the same process, and can be taken again after a release', () => {
    const first = lockDataFolder(folder);
    first.announce(SERVER_URL);
    expect(messageOfSecondLock()).toContain(`is already used by the server at ${SERVER_URL}`);
    expect(messageOfSecondLock()).toContain(`is already used by the server at ${SERVER_URL}`);
    first.release();
    expect(readdirSync(folder)).toEqual(['lock.db']);
    expect(messageOfSecondLock()).toBe('locked');
  });

  test('reports other failures than a held lock as they are', () => {
    lockDataFolder(folder).release();
    writeFileSync(join(folder, 'lock.db'), 'not a database, but long enough to be read as one'.repeat(100));
    expect(() => lockDataFolder(folder)).toThrow('file is not a database');
  });
});
