import { LOST, PASS } from '../network.ts';
import { AGENT, BOTH, HOUR_MS, type Player, type Scenario, type Stage } from '../stage.ts';
import { cutUntilLeaseEnds } from './outage.ts';

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/** It asks at once, is online soon, and was never lost. */
async function expectBack(stage: Stage, player: Player, sinceMs: number): Promise<void> {
  await stage.until('it asks at once', () => player.asksSince(sinceMs - 500).length > 0, 2.5);
  await player.untilState('online', 5);
  await stage.sleep(0.5);
  player.expectNever('lost');
}

export const CLOCKS: readonly Scenario[] = [
  {
    id: 'P34',
    promise: 'does not believe in its lease after it was stopped for longer, and comes back at once',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      await player.suspend(12);
      const wokenMs = Date.now();
      await stage.until('it says what it believes', () => player.since(wokenMs).length > 0, 5);
      const [first] = player.since(wokenMs);
      const asked = player
        .asksSince(wokenMs - 500)
        .some(({ told }) => told?.status === 200 || told?.status === 201);
      stage.expect(first?.holdsLease === false || asked, 'it does not claim the old lease');
      await expectBack(stage, player, wokenMs);
      player.expectEvent('reacquired');
    },
  },
  {
    id: 'P34/grace',
    promise: 'lets its program run on after it was stopped, while the grace lasts',
    kinds: BOTH,
    needs: ['offline'],
    async play(stage) {
      const player = await stage.seatWithGrace();
      await player.suspend(12);
      const wokenMs = Date.now();
      await expectBack(stage, player, wokenMs);
      stage.expect(player.mayRunSince(wokenMs), 'the program may run all the time');
    },
  },
  {
    id: 'P34/hours',
    promise: 'comes back at once after a sleep of two hours in which both its clocks went on',
    kinds: BOTH,
    needs: ['own server', 'libfaketime', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace({ clock: 'both' });
      await player.setClock(2 * HOUR_SECONDS, () => stage.moveClock(2 * HOUR_MS));
      const wokenMs = Date.now();
      await expectBack(stage, player, wokenMs);
      player.expectEvent('reacquired');
      stage.expect(player.mayRunSince(wokenMs), 'the program may run all the time');
    },
  },
  {
    id: 'P34/wall-only',
    promise: 'comes back at once after a sleep in which its monotonic clock stood still',
    kinds: BOTH,
    needs: ['own server', 'libfaketime', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace({ clock: 'wall' });
      await player.setClock(2 * HOUR_SECONDS, () => stage.moveClock(2 * HOUR_MS));
      const wokenMs = Date.now();
      await stage.until(
        'it asks before its next beat would be due',
        () => player.asksSince(wokenMs - 500).length > 0,
        21,
      );
      await player.untilState('online', 5);
      player.expectNever('lost');
    },
  },
  {
    id: 'P35/interval',
    promise: 'keeps its seat while its main thread is busy for longer than a heartbeat interval',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      await player.block(5);
      const freeMs = Date.now();
      await stage.sleep(2);
      player.expectNever('lost');
      stage.expect(player.mayRunSince(freeMs), 'the program may run');
    },
  },
  {
    id: 'P35/lease',
    promise: 'has its seat soon after its main thread was busy for longer than the lease',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      await player.block(13);
      const freeMs = Date.now();
      await stage.until('it says what it believes', () => player.since(freeMs).length > 0, 5);
      await player.untilState('online', 5);
      await stage.sleep(0.5);
      player.expectNever('lost');
    },
  },
  ...[HOUR_SECONDS, -HOUR_SECONDS].map(
    (step): Scenario => ({
      id: `P36/${step > 0 ? 'forward' : 'back'}`,
      promise: `goes on when the wall clock steps ${step > 0 ? 'forward' : 'back'} by an hour while it is online`,
      kinds: BOTH,
      needs: ['libfaketime'],
      async play(stage) {
        const player = await stage.seat({ clock: 'wall' });
        await player.setClock(step);
        await stage.sleep(8);
        player.expectNever('lost');
        if (stage.kind === 'agent')
          stage.expect(player.last?.state === 'online', `it is online: ${player.last?.state}`);
        else stage.expect(player.last?.mayRun === true, 'the program runs');
        player.network.always(LOST);
        await stage.sleep(10.5);
        await player.untilState('expired', 1);
      },
    }),
  ),
  ...(
    [
      ['10-min-slow', -600],
      ['10-d-slow', -10 * DAY_SECONDS],
      ['10-d-fast', 10 * DAY_SECONDS],
    ] as const
  ).map(
    ([name, clockSeconds]): Scenario => ({
      id: `P37/${name}`,
      promise: 'works online, offline and at an offline start with a clock that is always wrong',
      kinds: AGENT,
      needs: ['libfaketime', 'offline'],
      async play(stage) {
        const machine = 'machine with a wrong clock';
        const options = { machine, clock: 'both', clockSeconds } as const;
        const player = await stage.seatWithGrace(options);
        await cutUntilLeaseEnds(stage, player);
        const endedMs = Date.now();
        await stage.sleep(2);
        const after = player.since(endedMs);
        stage.expect(after.length > 3 && after.every(({ mayRun }) => mayRun), 'the grace applies');
        player.expectNever('lost', 'grace_at_risk');
        await player.client.stopSampling();
        await player.client.kill();
        const next = await stage.start({ ...options, keys: 'right' });
        next.network.always(LOST);
        const reply = await next.acquire();
        stage.expect(reply.ok, `it starts offline: ${reply.code}`);
        next.client.startSampling();
        if (reply.ok) await next.untilState('offline', 1);
      },
    }),
  ),
  {
    id: 'P38',
    promise: 'refuses offline use while its clock is set back, and is well again when it is online',
    kinds: AGENT,
    needs: ['libfaketime', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace({ clock: 'wall' });
      await cutUntilLeaseEnds(stage, player);
      stage.expect(player.last?.mayRun === true, 'the grace applies');
      await player.setClock(-HOUR_SECONDS);
      await stage.until('it may not run', () => player.last?.mayRun === false, 25);
      // The client reads the clocks every 20 seconds.
      await player.untilEvent('lost', 22);
      player.expectEvent('lost', 'CLOCK_ROLLED_BACK');
      player.network.always(PASS);
      await player.untilState('online', 65);
    },
  },
  {
    id: 'P11/grace-ends',
    promise: 'may not run when its grace of seven days has ended',
    kinds: AGENT,
    needs: ['libfaketime', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace({ clock: 'both' });
      await cutUntilLeaseEnds(stage, player);
      stage.expect(player.last?.mayRun === true, 'the grace applies');
      await player.setClock(6 * DAY_SECONDS);
      await stage.sleep(2);
      stage.expect(player.last?.mayRun === true, 'it still applies after six days');
      await player.setClock(8 * DAY_SECONDS);
      await stage.until('it may not run after eight days', () => player.last?.mayRun === false, 3);
    },
  },
];
