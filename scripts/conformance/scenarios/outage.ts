import { BACKOFFS } from '../../../shared/errors.ts';
import { LOST, PASS, problem } from '../network.ts';
import { AGENT, BOTH, DAY_MS, HOUR_MS, type Player, type Scenario, type Stage } from '../stage.ts';

/** Nothing arrives until the client knows itself that its lease has ended. */
export async function cutUntilLeaseEnds(stage: Stage, player: Player): Promise<void> {
  player.network.always(LOST);
  // An answer that is under way grants a later lease.
  await stage.sleep(1);
  const lastGrant = player.network.seen.findLast(({ told }) => told?.isGood && told.status < 300);
  const endMs = (lastGrant?.atMs ?? Date.now()) + stage.ttlMs + 300;
  await stage.sleep((endMs - Date.now()) / 1000);
}

function comesBack(id: string, what: string, ms: number): Scenario {
  return {
    id,
    promise: `acquires anew with the same instance after ${what} without a network`,
    kinds: BOTH,
    needs: ['own server', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace();
      await cutUntilLeaseEnds(stage, player);
      await stage.moveClock(ms);
      await stage.sleep(1);
      const backMs = Date.now();
      player.network.always(PASS);
      // The backoff of an outage grows to a minute.
      await stage.until('it asks again', () => player.asksSince(backMs).length > 0, 65);
      await stage.until('its seat is taken again', async () => (await stage.taken()) === 1, 5);
      await player.untilState('online', 5);
      await stage.sleep(0.3);
      player.expectNever('lost');
      player.expectEvent('reacquired');
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
    },
  };
}

export const OUTAGE: readonly Scenario[] = [
  {
    id: 'P10',
    promise: 'is offline after three failed tries, and online again with the same session',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.always(LOST);
      const tries = (): number => player.of('heartbeat').length;
      await stage.until('three tries', () => tries() >= 3, 9);
      await player.untilState('offline', 1);
      stage.expect(tries() <= 4, `it is offline after the third try, not later: ${tries()}`);
      player.network.always(PASS);
      await player.untilAnswered('heartbeat', 200, 8);
      await player.untilState('online', 2);
      player.expectEvent('offline');
      player.expectEvent('online');
      player.expectNever('lost', 'reacquired');
      stage.expect(player.of('acquire').length === 1, 'it keeps its session');
    },
  },
  {
    id: 'P10/refused',
    promise: 'survives a server that refuses connections for less than the lease',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.refuseConnections();
      await stage.sleep(5);
      await player.network.acceptConnections();
      await stage.until('a heartbeat is answered', () => player.of('heartbeat').length > 0, 5);
      await player.untilState('online', 2);
      player.expectNever('lost');
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
    },
  },
  {
    id: 'P11',
    promise: 'runs on while the grace lasts, and does not claim a lease',
    kinds: BOTH,
    needs: ['offline'],
    async play(stage) {
      const player = await stage.seatWithGrace();
      await cutUntilLeaseEnds(stage, player);
      const endedMs = Date.now();
      await stage.sleep(5);
      const after = player.since(endedMs);
      stage.expect(after.length > 5 && after.every(({ mayRun }) => mayRun), 'the program may run');
      if (stage.kind === 'agent') {
        stage.expect(
          after.every(({ holdsLease }) => !holdsLease),
          'it does not claim a lease',
        );
        stage.expect(
          after.every(({ state }) => state === 'offline'),
          'it is offline',
        );
      }
      player.expectNever('lost');
    },
  },
  comesBack('P12/1h', 'TTL + 1 hour', HOUR_MS),
  comesBack('P12/2h', 'TTL + 2 hours', 2 * HOUR_MS),
  comesBack('P12/5d', 'five days', 5 * DAY_MS),
  {
    id: 'P13',
    promise: 'is lost when the pool is full after an outage, and gets a freed seat by itself',
    kinds: AGENT,
    needs: ['own server', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace();
      await cutUntilLeaseEnds(stage, player);
      await stage.moveClock(2 * HOUR_MS);
      const other = await stage.occupy();
      player.network.always(PASS);
      await player.untilAnswered('acquire', 409, 65);
      await player.untilState('expired', 1);
      stage.expect(player.hasSaid('lost', 'SEATS_EXHAUSTED'), 'it reports "lost" with SEATS_EXHAUSTED');
      await other.release();
      await player.untilState('online', 65);
      player.expectEvent('reacquired');
    },
  },
  {
    id: 'P14',
    promise: 'may not run after its lease without a grace, and comes back by itself',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      await cutUntilLeaseEnds(stage, player);
      await player.untilState('expired', 1);
      await player.untilEvent('lost', 12);
      const backMs = Date.now();
      player.network.always(PASS);
      await player.untilState('online', 65);
      stage.expect(player.asksSince(backMs).length > 0, 'it asks on');
      player.expectEvent('reacquired');
    },
  },
  {
    id: 'P14/run',
    promise: 'ends its program when the lease has ended and no grace applies',
    kinds: ['run'],
    async play(stage) {
      const player = await stage.seat();
      await cutUntilLeaseEnds(stage, player);
      await player.untilState('expired', 10);
    },
  },
  {
    id: 'P22',
    promise: 'does not get its grace back when the server is unreachable after a refusal',
    kinds: BOTH,
    needs: ['offline'],
    async play(stage) {
      const player = await stage.seatWithGrace();
      await stage.change({ status: 'suspended' });
      await player.untilAnswered('heartbeat', 403, 5);
      const refusedMs = Date.now();
      stage.expect(player.last?.mayRun === true, 'the program may use the rest of its lease');
      player.network.always(LOST);
      await stage.sleep(Math.max(0, 10.5 - (Date.now() - refusedMs) / 1000));
      await player.untilState('expired', 1);
    },
  },
];

const LONGEST_SECONDS = BACKOFFS.repair.longestMs / 1000 + 5;

/** The first heartbeat after the change is refused, the lease ends, and the seat comes back when the license does. */
function holdsAgain(
  id: string,
  code: string,
  end: (stage: Stage) => Promise<void>,
  begin: (stage: Stage) => Promise<void>,
): Scenario {
  return {
    id,
    promise: `runs to the end of its lease after ${code}, asks on, and gets its seat back by itself`,
    kinds: AGENT,
    needs: ['own server', 'libfaketime', 'offline'],
    async play(stage) {
      const player = await stage.seatWithGrace({ clock: 'both' });
      await end(stage);
      await player.untilAnswered('heartbeat', 403, 12);
      stage.expect(player.last?.mayRun === true, 'the program may use the rest of its lease');
      await player.untilState('expired', 12);
      await player.untilEvent('lost', 3, code);
      await begin(stage);
      // The backoff `repair` grows to five minutes.
      await player.setClock(LONGEST_SECONDS, () => stage.moveClock(LONGEST_SECONDS * 1000));
      await player.untilState('online', 10);
    },
  };
}

export const RENEWED: readonly Scenario[] = [
  holdsAgain(
    'P20/suspended',
    'LICENSE_SUSPENDED',
    (stage) => stage.change({ status: 'suspended' }),
    (stage) => stage.change({ status: 'active' }),
  ),
  holdsAgain(
    'P20/expired',
    'LICENSE_EXPIRED',
    (stage) => stage.change({ valid_until: new Date(stage.serverNowMs() + 2_000).toISOString() }),
    (stage) => stage.change({ valid_until: new Date(stage.serverNowMs() + DAY_MS).toISOString() }),
  ),
  {
    id: 'P21',
    promise: 'goes on with its session when the license is active again within the lease',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      await stage.change({ status: 'suspended' });
      await player.untilAnswered('heartbeat', 403, 5);
      await stage.change({ status: 'active' });
      await player.untilAnswered('heartbeat', 200, 9);
      player.expectNever('lost');
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
      stage.expect(player.of('acquire').length === 1, 'it keeps its session');
    },
  },
  {
    id: 'P15/full',
    promise:
      'is lost by the end of its lease when its session is gone and the pool is full, and gets a freed seat by itself',
    kinds: AGENT,
    needs: ['offline'],
    async play(stage) {
      const player = await stage.seatWithGrace();
      player.network.always(problem('SEATS_EXHAUSTED'), 'acquire');
      player.network.next('heartbeat', problem('SESSION_NOT_FOUND', { members: { ended: 'expired' } }));
      await player.untilAnswered('acquire', 409, 12);
      await player.untilState('expired', 12);
      await player.untilEvent('lost', 3, 'SEATS_EXHAUSTED');
      const lostMs = Date.now();
      await stage.sleep(3);
      stage.expect(player.asksSince(lostMs).length <= 3, 'it pauses between two tries');
      player.network.always(PASS, 'acquire');
      await player.untilState('online', 65);
      player.expectEvent('reacquired');
    },
  },
  {
    id: 'P19',
    promise: 'is lost when its instance has ended while it acquires anew',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.always(problem('SESSION_ENDED'), 'acquire');
      player.network.next('heartbeat', problem('SESSION_NOT_FOUND', { members: { ended: 'expired' } }));
      await player.untilEvent('lost', 6);
      player.expectEvent('lost', 'SESSION_ENDED');
      const asked = player.asksSince(0).length;
      await stage.sleep(3);
      stage.expect(player.asksSince(0).length === asked, 'it asks no more');
      stage.expect(player.of('acquire').length === 2, 'it acquires anew once');
    },
  },
];
