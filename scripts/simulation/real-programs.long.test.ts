import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../clients/sdk/src/node/testing.ts';
import { describeUnless } from '../../shared/testing/real-parts.ts';
import { systemMs } from './commanded-program.ts';
import { clockFrom, FAKETIME, NO_FAKETIME } from './faketime.ts';
import {
  openRealStage,
  type Pool,
  type RealProgram,
  type RealStage,
  TTL_MS,
  whyNot,
} from './real-programs.ts';

const LONGER_THAN_LEASE_MS = TTL_MS + 500;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The server remembers an ended session for an hour: after this, it knows nothing of it. */
const OUTAGE_MS = TTL_MS + HOUR_MS + 10 * MINUTE_MS;

let stage: RealStage;
let files: { folder: string; remove(): Promise<void> };
let states = 0;
beforeAll(async () => {
  stage = await openRealStage();
  files = await temporaryFolder();
});
afterAll(async () => {
  await stage.close();
  await files.remove();
});

/** An environment with a state folder of its own, as on a machine of its own. */
function machine(): NodeJS.ProcessEnv {
  states += 1;
  return { SEATLEASE_STATE_FOLDER: join(files.folder, `state-${states}`) };
}

const ONLINE = { state: 'online', holdsLease: true, mayRun: true };
const NOT_LEASED = { holdsLease: false };

/** Stops a program for longer than its lease. Returns when it went on, and that its first reading is right. */
async function pause(program: RealProgram): Promise<number> {
  program.kill('SIGSTOP');
  await sleep(LONGER_THAN_LEASE_MS);
  const atMs = systemMs();
  program.kill('SIGCONT');
  const first = await program.prints({}, atMs);
  expect('event' in first ? undefined : first.holdsLease).not.toBe(true);
  return atMs;
}

async function expectNothingLost(pool: Pool): Promise<void> {
  const { falseBeliefs, losses, timeline } = await pool.judge();
  expect({ falseBeliefs, losses }, timeline).toEqual({ falseBeliefs: [], losses: [] });
}

describe.concurrent('a program that is stopped for longer than its lease', () => {
  test('reads at once that it holds no lease, may run on its grace, and gets its free seat back', async () => {
    await using pool = await stage.openPool();
    const program = await pool.start({ name: 'stopped', env: machine() });
    const atMs = await pause(program);
    await program.prints(ONLINE, atMs);
    expect(program.events()).not.toContain('offline');
    await expectNothingLost(pool);
  });

  test('gets its free seat back although its license has no grace', async () => {
    await using pool = await stage.openPool({ offlineGraceDays: 0 });
    const program = await pool.start({ name: 'stopped', env: machine() });
    const atMs = await pause(program);
    await program.prints(ONLINE, atMs);
    await expectNothingLost(pool);
  });

  test('keeps its lease while its event loop is blocked, and does not believe in it after a stop', async () => {
    await using pool = await stage.openPool();
    const program = await pool.start({ name: 'busy', env: machine() });
    // The understudy starts after the first heartbeat.
    await sleep(1_500);
    program.tell(`block ${4 * TTL_MS + LONGER_THAN_LEASE_MS}`);
    const { atMs: blockedMs } = await program.prints({ event: 'blocked' });
    await sleep(2 * TTL_MS);
    const inBlock = program.lines.filter((line) => line.atMs > blockedMs && 'sessionId' in line);
    expect(inBlock.length).toBeGreaterThan(100);
    expect(inBlock.filter((line) => 'holdsLease' in line && !line.holdsLease)).toEqual([]);

    const atMs = await pause(program);
    const { atMs: backMs } = await program.prints(ONLINE, atMs);
    const { atMs: endMs } = await program.prints({ event: 'unblocked' });
    expect(backMs).toBeLessThan(endMs);
    await expectNothingLost(pool);
  });

  test('does not believe in a seat that another program has by then, and gets it back when it is free', async () => {
    await using pool = await stage.openPool();
    const program = await pool.start({ name: 'stopped', fingerprint: 'one', env: machine() });
    program.kill('SIGSTOP');
    await sleep(LONGER_THAN_LEASE_MS);
    const other = await pool.start({ name: 'other', fingerprint: 'two', env: machine() });
    await other.prints(ONLINE);
    const atMs = systemMs();
    program.kill('SIGCONT');
    await program.prints({ event: 'lost', code: 'SEATS_EXHAUSTED', isFinal: false }, atMs);
    other.tell('release');
    await other.prints({ event: 'released' });
    await program.prints({ event: 'reacquired' }, atMs);
    await program.prints(ONLINE, atMs);
    const { falseBeliefs, losses, timeline } = await pool.judge();
    expect({ falseBeliefs, losses }, timeline).toEqual({
      falseBeliefs: [],
      losses: ['stopped: SEATS_EXHAUSTED'],
    });
  });
});

/** Ends of a program, and how each looks. */
const ENDS: readonly [how: string, end: (program: RealProgram) => unknown][] = [
  [
    'releases',
    async (program) => {
      program.tell('release');
      await program.prints({ event: 'released' });
    },
  ],
  [
    'gets SIGTERM',
    async (program) => {
      program.kill('SIGTERM');
      await program.ended;
    },
  ],
  [
    'is killed',
    async (program) => {
      program.kill('SIGKILL');
      await program.ended;
    },
  ],
];

/** The others keep their seat for two leases after the end of one, without a single event. */
async function expectUnhurt(pool: Pool, others: readonly RealProgram[]): Promise<void> {
  await sleep(2 * TTL_MS);
  for (const other of others) {
    expect(other.lines.at(-1)).toMatchObject(ONLINE);
    expect(other.events()).toEqual(['acquired']);
  }
  await expectNothingLost(pool);
  expect((await pool.judge()).stopped).toEqual([]);
}

describe('of two machines of one user, one keeps its seat when the program on the other', () => {
  test.concurrent.each(ENDS)('%s', async (_, end) => {
    await using pool = await stage.openPool({ unit: 'user' });
    const start = (name: string): Promise<RealProgram> =>
      pool.start({ name, fingerprint: name, userId: 'ada', env: machine() });
    const [desktop, laptop] = [await start('desktop'), await start('laptop')];
    await end(laptop);
    await expectUnhurt(pool, [desktop]);
  });
});

/**
 * A file system of its own: neither the home folder nor the folder for temporary files is shared, unless it contains this
 * checkout.
 */
const PRIVATE_FOLDERS =
  'for folder in "$HOME" /tmp; do case "$PWD/" in "$folder"/*) ;; *) mount -t tmpfs none "$folder" || exit 1 ;; esac; done; exec "$@"';
const inPrivateFolders = ['unshare', '--mount', 'sh', '-c', PRIVATE_FOLDERS, 'sh'];
/** Like two containers of one host that both have its machine id: the host's name, and PID 1 in both. */
const NAMESPACES = ['--mount', '--pid', '--uts', '--ipc', '--fork', '--mount-proc'];
const inContainer = ['unshare', ...NAMESPACES, 'sh', '-c', `hostname container && ${PRIVATE_FOLDERS}`, 'sh'];

async function home(): Promise<NodeJS.ProcessEnv> {
  states += 1;
  const HOME = join(files.folder, `home-${states}`);
  await mkdir(HOME);
  return { HOME };
}

const NO_NAMESPACES = whyNot('unshare', ...NAMESPACES, 'sh', '-c', 'mount -t tmpfs none /tmp');

describeUnless(NO_NAMESPACES, 'of two programs with the same machine id,', () => {
  describe.each([
    ['under separate private folders', inPrivateFolders],
    ['in separate containers with the same host name and process id', inContainer],
  ] as const)('%s,', (_, inside) => {
    describe.each([
      ['machine', 1],
      ['process', 2],
    ] as const)('on a license by %s, one keeps its seat when the other', (unit, max) => {
      test.concurrent.each(ENDS)('%s', async (how, end) => {
        await using pool = await stage.openPool({ unit, max });
        const one = await pool.start({ name: 'one', env: await home(), inside });
        const two = await pool.start({ name: 'two', env: await home(), inside });
        await end(one);
        await expectUnhurt(pool, [two]);
        if (how === 'gets SIGTERM')
          expect(await one.ended).toMatchObject(
            inside === inContainer ? { code: 143 } : { signal: 'SIGTERM' },
          );
      });
    });
  });
});

describe('an outage of more than the lease and an hour', () => {
  test('ends no program whose grace is running: it runs on, and acquires its free seat anew', async () => {
    await using pool = await stage.openPool();
    const program = await pool.start({ name: 'program', env: machine() });
    pool.cutNetwork();
    await program.prints({ event: 'offline' });
    await program.prints(NOT_LEASED);
    await stage.moveServerClock(OUTAGE_MS);
    const atMs = systemMs();
    pool.mendNetwork();
    await program.prints({ event: 'reacquired' }, atMs);
    await program.prints(ONLINE, atMs);
    await expectNothingLost(pool);
    expect((await pool.judge()).stopped).toEqual([]);
  });

  test('ends a program without grace with its lease, and the seat comes back by itself', async () => {
    await using pool = await stage.openPool({ offlineGraceDays: 0 });
    const program = await pool.start({ name: 'program', env: machine() });
    pool.cutNetwork();
    await program.prints({ event: 'lost', isFinal: false });
    await stage.moveServerClock(OUTAGE_MS);
    const atMs = systemMs();
    pool.mendNetwork();
    await program.prints({ event: 'reacquired' }, atMs);
    await program.prints(ONLINE, atMs);
    const { falseBeliefs, losses, timeline } = await pool.judge();
    expect({ falseBeliefs, losses }, timeline).toEqual({ falseBeliefs: [], losses: ['program: expired'] });
  });
});

test('an eviction ends the program that is meant, and no other one of the machine', async () => {
  await using pool = await stage.openPool();
  const one = await pool.start({ name: 'evicted', env: machine() });
  const two = await pool.start({ name: 'other', env: machine() });
  const { sessionId } = (await one.prints(ONLINE)) as { sessionId?: string };
  const { status } = await stage.suite.operate('DELETE', `/api/v1/licenses/sessions/${sessionId}`);
  expect(status).toBe(204);
  await one.prints({ event: 'lost', code: 'SESSION_NOT_FOUND', isFinal: true });
  await sleep(2 * TTL_MS);
  expect(two.lines.at(-1)).toMatchObject(ONLINE);
  expect(two.events()).toEqual(['acquired']);
  const { falseBeliefs, losses, timeline } = await pool.judge();
  expect({ falseBeliefs, losses }, timeline).toEqual({
    falseBeliefs: [],
    losses: ['evicted: SESSION_NOT_FOUND'],
  });
});

// Of the wall clock alone: timers, and the clock of the log, are not affected.
describeUnless(FAKETIME === undefined ? NO_FAKETIME : '', 'a program whose clock', () => {
  test.concurrent.each(['-600s', '+600s', '-10d', '+10d'])(
    'is off by %s all the time keeps its seat online, runs on offline, and starts offline',
    async (offset) => {
      await using pool = await stage.openPool();
      const file = join(files.folder, `clock${offset}`);
      await writeFile(file, offset);
      const env = { ...machine(), ...clockFrom(file, 'wall') };
      const program = await pool.start({ name: 'program', env });
      await sleep(TTL_MS + 500);
      expect(program.lines.at(-1)).toMatchObject(ONLINE);
      pool.cutNetwork();
      await program.prints({ event: 'offline' });
      await program.prints({ holdsLease: false, state: 'offline', mayRun: true });
      await sleep(TTL_MS);
      program.kill('SIGKILL');
      await program.ended;

      const next = await pool.start({ name: 'next', env });
      expect(next.lines.find((line) => 'event' in line)).toMatchObject({ code: 'offline' });
      const atMs = systemMs();
      pool.mendNetwork();
      await next.prints(ONLINE, atMs);
      await expectNothingLost(pool);
      expect((await pool.judge()).stopped).toEqual([]);
    },
  );

  test.concurrent.each(['-3600s', '+3600s', '-4d', '+4d'])(
    'is set by %s keeps its seat online, and runs on offline',
    async (step) => {
      await using pool = await stage.openPool();
      const file = join(files.folder, `stepped${step}`);
      await writeFile(file, '+0s');
      const program = await pool.start({
        name: 'program',
        env: { ...machine(), ...clockFrom(file, 'wall') },
      });
      await program.prints(ONLINE);
      const atMs = systemMs();
      await writeFile(file, step);
      await sleep(2 * TTL_MS);
      await program.prints(ONLINE, atMs + 2 * TTL_MS);
      pool.cutNetwork();
      await program.prints({ event: 'offline' });
      await program.prints({ holdsLease: false, state: 'offline', mayRun: true }, atMs + 2 * TTL_MS);
      const mendedMs = systemMs();
      pool.mendNetwork();
      await program.prints(ONLINE, mendedMs);
      await expectNothingLost(pool);
    },
  );
});
