import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DistortionName } from '../../simulation/distortions.ts';
import {
  ANSWER_LOST,
  changedBody,
  distorted,
  HANGS,
  instead,
  LOST,
  late,
  PASS,
  type Plan,
  problem,
  withHeaders,
} from '../network.ts';
import { AGENT, BOTH, type Player, type Scenario, type Stage } from '../stage.ts';
import { cutUntilLeaseEnds } from './outage.ts';

/** The next beat comes this much later than due, at most, on a busy machine. */
const LATE_MS = 1_000;

/** One bad answer changes nothing: it is asked again soon, and the seat stays. */
async function playOneBadBeat(stage: Stage, player: Player, plan: Plan): Promise<void> {
  player.network.next('heartbeat', plan);
  const beats = (): number => player.of('heartbeat').length;
  await stage.until('a heartbeat is sent', () => beats() > 0, 5);
  const [bad] = player.of('heartbeat');
  const canTell = plan.label !== OTHER_ID.label || bad?.headers['x-request-id'] !== undefined;
  if (canTell) await stage.until('it is sent again with the backoff of an outage', () => beats() > 1, 2.5);
  await stage.sleep(4);
  player.expectNever('lost');
  stage.expect(player.mayRunSince(0), 'the program may run all the time');
  if (stage.kind === 'agent') stage.expect(player.last?.state === 'online', 'it is online afterwards');
  stage.expect(
    player.of('acquire').every(({ atMs }) => atMs < (bad?.atMs ?? 0)),
    'no seat is acquired again',
  );
}

const OTHER_ID = withHeaders('is answered with the X-Request-Id of another', { 'x-request-id': 'another' });
const HUGE = {
  ...changedBody('is answered by 3 MiB', (body) => ({ ...body, padding: 'x'.repeat(3 * 1024 * 1024) })),
  isGood: false,
};

const GARBAGE: readonly (readonly [string, Plan])[] = [
  ...(
    [
      ['html-200', 'captive portal'],
      ['html-404', 'not found, says a proxy'],
      ['html-403', 'forbidden, says a proxy'],
      ['html-502', 'bad gateway'],
      ['empty-200', 'empty'],
      ['null', 'null'],
      ['cut-json', 'truncated'],
      ['cut-connection', 'cut in the middle'],
      ['other-kind', 'another operation'],
      ['no-session', 'no session'],
    ] as const satisfies readonly (readonly [string, DistortionName])[]
  ).map(([name, distortion]) => [name, distorted(distortion)] as const),
  ['huge', HUGE],
  ['request-id', OTHER_ID],
];

export const HOLD: readonly Scenario[] = [
  {
    id: 'P1',
    promise: 'beats once each heartbeat_interval and stays online',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      await stage.sleep(13);
      const asks = player.asksSince(0);
      const gaps = asks.slice(1).map(({ atMs }, i) => atMs - (asks[i]?.atMs ?? 0));
      stage.expect(gaps.length >= 3, `it beats at least three times in 13 s: ${gaps.length}`);
      const longest = Math.max(0, ...gaps);
      stage.expect(
        longest <= stage.heartbeatMs + LATE_MS,
        `no beat is more than a second late: ${longest} ms`,
      );
      stage.expect(player.of('acquire').length === 1, 'it acquires once');
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
      if (stage.kind === 'agent') {
        stage.expect(
          player.since(0).every(({ state }) => state === 'online'),
          'it is online all the time',
        );
        stage.expect(
          player.last?.reply.plan === 'enterprise',
          `it knows the plan: ${player.last?.reply.plan}`,
        );
        stage.expect(Array.isArray(player.last?.reply.features), 'it knows the features');
      }
    },
  },
  {
    id: 'P2',
    promise: 'repeats an acquire whose answer was lost, and has one seat',
    kinds: BOTH,
    async play(stage) {
      await stage.createLicense({ max: 3 });
      const player = await stage.start();
      player.network.next('acquire', ANSWER_LOST, ANSWER_LOST);
      const reply = await player.acquire();
      stage.expect(reply.ok, `it gets its seat: ${reply.code}`);
      stage.expect((await stage.taken()) === 1, 'one seat is taken');
      const sessions = new Set(player.of('acquire').map(({ reached }) => reached?.body?.session_id));
      stage.expect(sessions.size === 1, `it has one session: ${sessions.size}`);
    },
  },
  {
    id: 'P3/acquire',
    promise: 'counts the lease from sending the acquire that was answered late',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.start();
      player.network.next('acquire', late(4_000));
      const reply = await player.acquire();
      stage.expect(reply.ok, `it gets its seat: ${reply.code}`);
      player.client.startSampling();
      // A heartbeat was due meanwhile.
      await stage.sleep(0.5);
      await cutUntilLeaseEnds(stage, player);
      await player.untilState('expired', 1);
    },
  },
  {
    id: 'P3/heartbeat',
    promise: 'counts the lease from sending the heartbeat that was answered late',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.next('heartbeat', late(1_000));
      await stage.until('a heartbeat is sent', () => player.of('heartbeat').length > 0, 5);
      await stage.sleep(1.5);
      await cutUntilLeaseEnds(stage, player);
      await player.untilState('expired', 1);
    },
  },
  ...(
    [
      ['request', LOST],
      ['answer', ANSWER_LOST],
    ] as const
  ).map(
    ([what, plan]): Scenario => ({
      id: `P4/${what}`,
      promise: `stays online when the ${what} of a heartbeat is lost`,
      kinds: BOTH,
      play: async (stage) => playOneBadBeat(stage, await stage.seat(), plan),
    }),
  ),
  {
    id: 'P5',
    promise: 'fits three tries between due time and end of the lease when the server never answers',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      const [grant] = player.of('acquire');
      player.network.always(HANGS);
      const endMs = (grant?.atMs ?? 0) + stage.ttlMs;
      await stage.sleep((endMs + 500 - Date.now()) / 1000);
      const tries = player.of('heartbeat').filter(({ atMs }) => atMs < endMs).length;
      stage.expect(tries >= 3, `three tries fit into the lease: ${tries}`);
      await player.untilState('expired', 1.5);
    },
  },
  ...GARBAGE.map(
    ([name, plan]): Scenario => ({
      id: `P6/${name}`,
      promise: `treats garbage like a failure of the server: ${plan.label}`,
      kinds: BOTH,
      async play(stage) {
        const player = await stage.start();
        const isLie = name === 'request-id';
        if (!isLie) player.network.next('acquire', plan);
        const reply = await player.acquire();
        stage.expect(reply.ok, `it asks again for a seat after the garbage: ${reply.code}`);
        player.client.startSampling();
        await playOneBadBeat(stage, player, plan);
      },
    }),
  ),
  ...[302, 307].map(
    (status): Scenario => ({
      id: `P6/redirect-${status}`,
      promise: 'follows no redirect',
      kinds: BOTH,
      async play(stage) {
        const hits: string[] = [];
        const trap = createServer((request, response) => {
          hits.push(`${request.method} ${request.url}`);
          response.end('{}');
        });
        await new Promise<void>((listening) => trap.listen(0, '127.0.0.1', listening));
        const location = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/stolen`;
        try {
          const plan = instead(`is redirected (${status})`, status, '', { location });
          const player = await stage.start();
          player.network.next('acquire', plan);
          const reply = await player.acquire();
          stage.expect(reply.ok, `it asks again for a seat: ${reply.code}`);
          player.client.startSampling();
          await playOneBadBeat(stage, player, plan);
          stage.expect(hits.length === 0, `nothing is sent to the other address: ${hits[0]}`);
        } finally {
          trap.close();
          trap.closeAllConnections();
        }
      },
    }),
  ),
  ...(
    [
      ['4xx', problem('SOMETHING_NEW', { status: 418 })],
      ['429', problem('SOMETHING_NEW', { status: 429, retryAfter: 1 })],
      ['5xx', problem('SOMETHING_NEW', { status: 503 })],
    ] as const
  ).map(
    ([name, plan]): Scenario => ({
      id: `P8/${name}`,
      promise: 'goes on when a heartbeat is answered by a code that it does not know',
      kinds: BOTH,
      async play(stage) {
        const player = await stage.seat();
        player.network.next('heartbeat', plan);
        await stage.until('a heartbeat is sent', () => player.of('heartbeat').length > 0, 5);
        await stage.until('it asks again before its lease ends', () => player.of('heartbeat').length > 1, 9);
        await stage.sleep(1);
        player.expectNever('lost');
        stage.expect(player.mayRunSince(0), 'the program may run all the time');
      },
    }),
  ),
  {
    id: 'P8/acquire',
    promise: 'reports an unknown refusal of a seat with its code, and does not ask again',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.start();
      player.network.always(problem('SOMETHING_NEW', { status: 418 }), 'acquire');
      const reply = await player.acquire();
      stage.expect(!reply.ok && reply.code === 'SOMETHING_NEW', `it reports the code: ${reply.code}`);
      stage.expect(player.of('acquire').length === 1, 'it asks once');
    },
  },
  ...(['RATE_LIMITED', 'SEATS_UNAVAILABLE'] as const).map(
    (code): Scenario => ({
      id: `P9/${code}`,
      promise: 'waits as Retry-After says, but asks once more before the lease ends',
      kinds: BOTH,
      async play(stage) {
        const player = await stage.seat();
        const [grant] = player.of('acquire');
        player.network.always(problem(code, { retryAfter: 60 }), 'heartbeat');
        const endMs = (grant?.atMs ?? 0) + stage.ttlMs;
        await stage.until('it asks again before the lease ends', () => player.of('heartbeat').length > 1, 10);
        const [first, second] = player.of('heartbeat');
        stage.expect((second?.atMs ?? 0) < endMs, 'it asks once more before the lease ends');
        const gapMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
        stage.expect(gapMs > 1_500, `it does not ask again at once: ${gapMs} ms`);
        player.network.always(PASS, 'heartbeat');
        stage.expect(player.of('heartbeat').length <= 3, 'it does not ask again and again');
      },
    }),
  ),
  {
    id: 'P9/once',
    promise: 'waits for Retry-After when the lease lasts longer',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.next('heartbeat', problem('RATE_LIMITED', { retryAfter: 3 }));
      await stage.until('it asks again', () => player.of('heartbeat').length > 1, 10);
      const [first, second] = player.of('heartbeat');
      const gapMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
      stage.expect(gapMs >= 2_900, `not before the 3 s: ${gapMs} ms`);
      player.expectNever('lost');
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
    },
  },
];
