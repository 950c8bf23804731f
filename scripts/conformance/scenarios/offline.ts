import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NOT_SUPPORTED } from '../client.ts';
import { LOST, PASS, problem } from '../network.ts';
import { AGENT, NotRequired, type Player, type PlayerOptions, type Scenario, type Stage } from '../stage.ts';
import { cutUntilLeaseEnds } from './outage.ts';

const DAY_SECONDS = 86_400;

/** Starts a client without a network. */
async function startOffline(
  stage: Stage,
  options: PlayerOptions,
): Promise<{ player: Player; ok: boolean; code: string }> {
  const player = await stage.start({ keys: 'right', ...options });
  player.network.always(LOST);
  const { ok, code = '' } = await player.acquire();
  player.client.startSampling();
  return { player, ok, code };
}

/** Runs once on the machine, with a network, and ends as told. */
async function runBefore(
  stage: Stage,
  end: 'release' | 'kill' | 'leave',
  options: PlayerOptions,
): Promise<Player> {
  const player = await stage.seatWithGrace(options);
  if (end === 'release') {
    await player.release();
    await player.client.stopSampling();
    await player.leave();
  } else if (end === 'kill') {
    await player.client.stopSampling();
    await player.client.kill();
  } else await player.leave();
  return player;
}

/** At the next contact the client says since when it was offline. */
async function expectOfflineSince(stage: Stage, player: Player): Promise<void> {
  player.network.always(PASS);
  await stage.until(
    'it acquires at the next contact',
    () => player.of('acquire').some(({ told }) => told?.isGood),
    65,
  );
  const acquire = player.of('acquire').find(({ told }) => told?.isGood);
  const since = Date.parse(String(acquire?.body?.offline_since));
  const isRight = Math.abs(since - stage.serverNowMs()) < 120_000;
  stage.expect(isRight, `it sends offline_since: ${acquire?.body?.offline_since}`);
}

/** All files that the client keeps, changed in the middle. */
function damage(folder: string): number {
  let files = 0;
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (statSync(file).isDirectory()) {
      files += damage(file);
      continue;
    }
    const bytes = readFileSync(file);
    const middle = Math.floor(bytes.length / 2);
    if (bytes.length === 0) continue;
    bytes[middle] = bytes[middle] === 0x41 ? 0x42 : 0x41;
    writeFileSync(file, bytes);
    files += 1;
  }
  return files;
}

function expectRefused(
  stage: Stage,
  { ok, code }: { ok: boolean; code: string },
  ...codes: readonly string[]
): void {
  stage.expect(!ok, 'it does not start offline');
  if (!ok) stage.expect(codes.includes(code), `it says why: ${code}`);
}

export const OFFLINE: readonly Scenario[] = [
  {
    id: 'P29',
    promise: 'does not start offline after a refusal, although it has a license for that',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const machine = 'machine of a refused one';
      await runBefore(stage, 'kill', { machine });
      for (const code of ['LICENSE_SUSPENDED', 'CREDENTIALS_INVALID', 'LICENSE_NOT_FOUND']) {
        const player = await stage.start({ machine, keys: 'right' });
        player.network.always(problem(code), 'acquire');
        const reply = await player.acquire();
        stage.expect(!reply.ok && reply.code === code, `it reports ${code}: ${reply.ok ? 'ok' : reply.code}`);
        await player.client.kill();
      }
    },
  },
  {
    id: 'P39',
    promise: 'starts offline after a release if the license allows it, and reports that later',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      await stage.createLicense({ offline_start_days: 3 });
      const machine = 'machine of a traveller';
      await runBefore(stage, 'release', { machine });
      const { player, ok, code } = await startOffline(stage, { machine });
      stage.expect(ok, `it starts offline: ${code}`);
      if (!ok) return;
      await player.untilState('offline', 1);
      await expectOfflineSince(stage, player);
      await player.untilState('online', 2);
    },
  },
  {
    id: 'P39/too-late',
    promise: 'does not start offline when its days for that have ended',
    kinds: AGENT,
    needs: ['offline', 'libfaketime'],
    async play(stage) {
      await stage.createLicense({ offline_start_days: 3 });
      const machine = 'machine of a late one';
      await runBefore(stage, 'release', { machine, clock: 'both' });
      const early = await startOffline(stage, { machine, clock: 'both', clockSeconds: 2 * DAY_SECONDS });
      stage.expect(early.ok, `it starts offline after two days: ${early.code}`);
      await early.player.client.kill();
      const late = await startOffline(stage, { machine, clock: 'both', clockSeconds: 4 * DAY_SECONDS });
      expectRefused(stage, late, 'OFFLINE_START_NOT_ALLOWED');
    },
  },
  {
    id: 'P40',
    promise: 'does not start offline after a release if the license does not allow it',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const machine = 'machine of a stay-at-home';
      await runBefore(stage, 'release', { machine });
      expectRefused(stage, await startOffline(stage, { machine }), 'NO_ANSWER');
    },
  },
  {
    id: 'P41',
    promise: 'starts offline after it was killed, and reports that later',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const machine = 'machine with a power cut';
      await runBefore(stage, 'kill', { machine });
      const { player, ok, code } = await startOffline(stage, { machine });
      stage.expect(ok, `it starts offline: ${code}`);
      if (!ok) return;
      const tries = player.of('acquire').length;
      stage.expect(tries === 2, `after two unanswered tries: ${tries}`);
      await player.untilState('offline', 1);
      await expectOfflineSince(stage, player);
      await player.untilState('online', 2);
    },
  },
  {
    id: 'P42/edited',
    promise: 'refuses a stored license that was edited',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const machine = 'machine of a forger';
      await runBefore(stage, 'kill', { machine });
      stage.expect(damage(stage.stateFolderOf(machine)) > 0, 'it stores something in SEATLEASE_STATE_FOLDER');
      expectRefused(stage, await startOffline(stage, { machine }), 'OFFLINE_LICENSE_INVALID');
    },
  },
  {
    id: 'P42/other-machine',
    promise: 'refuses the stored license of another machine',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const machine = 'machine of a lender';
      const after = await runBefore(stage, 'kill', { machine });
      const env = { SEATLEASE_STATE_FOLDER: stage.stateFolderOf(machine) };
      expectRefused(
        stage,
        await startOffline(stage, { machine: 'machine of a copier', after, env }),
        'NO_ANSWER',
        'OFFLINE_LICENSE_INVALID',
      );
    },
  },
  {
    id: 'P42/other-key',
    promise: 'refuses a stored license whose key is not pinned',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const machine = 'machine with new keys';
      await runBefore(stage, 'kill', { machine });
      expectRefused(stage, await startOffline(stage, { machine, keys: 'wrong' }), 'OFFLINE_LICENSE_INVALID');
    },
  },
  {
    id: 'P42/expired',
    promise: 'refuses a stored license that has expired',
    kinds: AGENT,
    needs: ['offline', 'libfaketime'],
    async play(stage) {
      const machine = 'machine of a sleeper';
      await runBefore(stage, 'kill', { machine, clock: 'both' });
      const late = await startOffline(stage, { machine, clock: 'both', clockSeconds: 8 * DAY_SECONDS });
      expectRefused(stage, late, 'OFFLINE_LICENSE_EXPIRED');
    },
  },
  {
    id: 'P43/key',
    promise: 'says once that its grace is at risk when the server signs with a key that is not pinned',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const player = await stage.seat({ keys: 'wrong' });
      await player.untilEvent('grace_at_risk', 8);
      await stage.sleep(7);
      stage.expect(player.countOf('grace_at_risk') === 1, `once: ${player.countOf('grace_at_risk')}`);
      stage.expect(player.of('sign').length <= 3, `it does not ask in a loop: ${player.of('sign').length}`);
      stage.expect(player.last?.state === 'online', 'it is online');
      player.expectNever('lost');
    },
  },
  {
    id: 'P43/limit',
    promise: 'says once that its grace is at risk when too many machines have a signed license',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      await stage.createLicense({ signed_limit: 0 });
      const player = await stage.seat({ keys: 'right' });
      await player.untilEvent('grace_at_risk', 8);
      await stage.sleep(7);
      player.expectEvent('grace_at_risk', 'SIGNED_LIMIT');
      stage.expect(player.countOf('grace_at_risk') === 1, `once: ${player.countOf('grace_at_risk')}`);
      stage.expect(player.of('sign').length <= 3, `it does not ask in a loop: ${player.of('sign').length}`);
      player.expectNever('lost');
    },
  },
  {
    id: 'P44',
    promise: 'signs and stores nothing, and borrows nothing, without pinned keys',
    kinds: AGENT,
    async play(stage) {
      const machine = 'machine without keys';
      const player = await stage.seat({ machine });
      await stage.sleep(4);
      stage.expect(player.of('sign').length === 0, 'it never asks for a signed license');
      stage.expect(player.of('keys').length === 0, 'it never asks the server for keys');
      await player.client.stopSampling();
      await player.client.kill();
      expectRefused(stage, await startOffline(stage, { machine, keys: 'none' }), 'NO_ANSWER');
      const borrower = await stage.start({ machine });
      const reply = await borrower.acquire(2);
      if (reply.code === NOT_SUPPORTED) return;
      stage.expect(!reply.ok && reply.code === 'PUBLIC_KEYS_REQUIRED', `a loan is refused: ${reply.code}`);
      stage.expect(borrower.network.seen.length === 0, 'before any request');
    },
  },
  {
    id: 'P45',
    promise: 'needs no server while a seat is borrowed, and returns it',
    kinds: AGENT,
    needs: ['offline', 'borrow'],
    async play(stage) {
      const player = await stage.start({ keys: 'right' });
      const reply = await player.acquire(2);
      if (reply.code === NOT_SUPPORTED) throw new NotRequired('the client cannot borrow seats');
      stage.expect(reply.ok, `it borrows a seat: ${reply.code}`);
      player.client.startSampling();
      await player.untilAnswered('sign', 200, 5);
      await stage.sleep(0.5);
      await cutUntilLeaseEnds(stage, player);
      await stage.sleep(2);
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
      player.expectNever('lost');
      stage.expect((await stage.taken()) === 1, 'the seat stays taken');
      player.network.always(PASS);
      player.network.next('release', LOST, LOST);
      const release = await player.release();
      stage.expect(release.ok, `it is returned: ${release.code}`);
      stage.expect((await stage.taken()) === 0, 'the seat is free');
    },
  },
];
