import { ANSWER_LOST, LOST, problem } from '../network.ts';
import { AGENT, BOTH, type Scenario } from '../stage.ts';

/** How much longer than told a client may need: its last request is under way. */
const LATE_SECONDS = 2;

export const START: readonly Scenario[] = [
  {
    id: 'P26',
    promise: 'reports SEATS_EXHAUSTED after one request if it does not wait',
    kinds: BOTH,
    async play(stage) {
      await stage.createLicense();
      await stage.occupy();
      const player = await stage.start();
      const reply = await player.acquire();
      stage.expect(!reply.ok, 'it gets no seat');
      if (stage.kind === 'agent')
        stage.expect(reply.code === 'SEATS_EXHAUSTED', `it reports the code: ${reply.code}`);
      else stage.expect(player.client.exit?.code === 75, `it ends with 75: ${player.client.exit?.code}`);
      stage.expect(player.of('acquire').length === 1, `it asks once: ${player.of('acquire').length}`);
    },
  },
  {
    id: 'P27/freed',
    promise: 'waits for a seat, and gets the one that is freed',
    kinds: BOTH,
    async play(stage) {
      await stage.createLicense();
      const other = await stage.occupy();
      const player = await stage.start({ waitSeconds: 30 });
      const got = player.acquire();
      await stage.until('it asks', () => player.of('acquire').length > 0, 10);
      await stage.sleep(1);
      await other.release();
      const reply = await got;
      stage.expect(reply.ok, `it gets the seat: ${reply.code}`);
      const { length } = player.of('acquire');
      stage.expect(length >= 2 && length <= 4, `it asks with the backoff: ${length} times`);
    },
  },
  {
    id: 'P27/in-vain',
    promise: 'ends its wait in time, with WAITED_IN_VAIN',
    kinds: BOTH,
    async play(stage) {
      await stage.createLicense({ ttl_seconds: 60, heartbeat_seconds: 40 });
      await stage.occupy();
      const player = await stage.start({ waitSeconds: 5 });
      const reply = await player.acquire();
      stage.expect(!reply.ok, 'it gets no seat');
      if (stage.kind === 'agent') stage.expect(reply.code === 'WAITED_IN_VAIN', `it reports ${reply.code}`);
      const [first] = player.of('acquire');
      const tookMs = reply.atMs - (first?.atMs ?? 0);
      const isInTime = tookMs > 4_500 && tookMs < (5 + LATE_SECONDS) * 1000;
      stage.expect(isInTime, `it waits for 5 s: ${tookMs} ms`);
    },
  },
  ...(
    [
      ['unreachable', LOST],
      ['429', problem('RATE_LIMITED', { retryAfter: 1 })],
      ['503', problem('SEATS_UNAVAILABLE', { retryAfter: 1 })],
    ] as const
  ).map(
    ([name, plan]): Scenario => ({
      id: `P28/wait-${name}`,
      promise: `keeps asking while it waits, also if the first answer is bad (${name})`,
      kinds: BOTH,
      async play(stage) {
        const player = await stage.start({ waitSeconds: 40 });
        player.network.next('acquire', plan, plan, plan, plan, plan);
        const reply = await player.acquire();
        stage.expect(reply.ok, `it gets its seat at the sixth try: ${reply.code}`);
      },
    }),
  ),
  {
    id: 'P28/wait-refused',
    promise: 'keeps asking while it waits and the server refuses connections',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.start({ waitSeconds: 40 });
      player.network.refuseConnections();
      const got = player.acquire();
      await stage.sleep(6);
      await player.network.acceptConnections();
      const reply = await got;
      stage.expect(reply.ok, `it gets its seat when the server is back: ${reply.code}`);
    },
  },
  {
    id: 'P28/unreachable-in-vain',
    promise: 'ends its wait in time if the server never answers',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.start({ waitSeconds: 6 });
      player.network.always(LOST);
      const reply = await player.acquire();
      stage.expect(!reply.ok, 'it gets no seat');
      if (stage.kind === 'agent') stage.expect(reply.code === 'WAITED_IN_VAIN', `it reports ${reply.code}`);
      const tookMs = reply.atMs - (player.of('acquire')[0]?.atMs ?? 0);
      const isInTime = tookMs > 5_000 && tookMs < (6 + LATE_SECONDS) * 1000;
      stage.expect(isInTime, `it waits for 6 s: ${tookMs} ms`);
    },
  },
  {
    id: 'P28/no-wait',
    promise: 'tries four times without an answer, and reports NO_ANSWER',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.start();
      player.network.always(LOST);
      const reply = await player.acquire();
      stage.expect(!reply.ok, 'it gets no seat');
      if (stage.kind === 'agent') stage.expect(reply.code === 'NO_ANSWER', `it reports ${reply.code}`);
      stage.expect(player.of('acquire').length === 4, `it tries four times: ${player.of('acquire').length}`);
    },
  },
  {
    id: 'P30',
    promise: 'goes on when another program of its machine releases or is killed, and shares its seat',
    kinds: BOTH,
    async play(stage) {
      const machine = 'machine of two';
      const one = await stage.seat({ machine });
      const two = await stage.seat({ machine });
      const three = await stage.seat({ machine });
      stage.expect((await stage.taken()) === 1, 'they share one seat');
      const sessions = new Set([one, two, three].map(({ sessionId }) => sessionId));
      stage.expect(sessions.size === 3, `each has a session of its own: ${sessions.size}`);
      await two.release();
      await three.client.kill();
      const sinceMs = Date.now();
      await stage.until(
        'two heartbeats',
        () => one.asksSince(sinceMs).filter(({ told }) => told?.status === 200).length >= 2,
        9,
      );
      one.expectNever('lost', 'reacquired');
      stage.expect(one.mayRunSince(0), 'the first program may run all the time');
      stage.expect((await stage.taken()) === 1, 'the seat stays taken');
    },
  },
  {
    id: 'P31',
    promise: 'takes a fresh instance when it starts again after it was killed',
    kinds: BOTH,
    async play(stage) {
      const machine = 'machine of a killed one';
      const one = await stage.seat({ machine });
      await one.client.kill();
      const two = await stage.seat({ machine });
      const [first, second] = [one, two].map((player) => player.of('acquire')[0]?.body?.instance_id);
      stage.expect(first !== second, 'the instance is fresh');
      stage.expect(one.sessionId !== two.sessionId, 'the session is its own');
      stage.expect((await stage.taken()) === 1, 'its machine has one seat');
    },
  },
];

export const END: readonly Scenario[] = [
  {
    id: 'P32',
    promise: 'releases its seat, and takes a new one with a fresh instance',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      const reply = await player.release();
      stage.expect(reply.ok, `the release is done: ${reply.code}`);
      stage.expect((await stage.taken()) === 0, 'the seat is free');
      await player.untilState('released', 1);
      const again = await player.acquire();
      stage.expect(again.ok, `it gets a seat again: ${again.code}`);
      const [first, second] = player.of('acquire');
      stage.expect(
        first?.body?.instance_id !== second?.body?.instance_id,
        'the new holding has a fresh instance',
      );
      player.expectNever('lost');
    },
  },
  {
    id: 'P32/answer-lost',
    promise: 'repeats a release whose answer was lost',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      player.network.next('release', LOST, ANSWER_LOST);
      const reply = await player.release();
      stage.expect(
        reply.atMs - reply.askedMs < 3_500,
        `it is done in time: ${reply.atMs - reply.askedMs} ms`,
      );
      await stage.until('the seat is free', async () => (await stage.taken()) === 0, 1);
      await player.untilState('released', 1);
      stage.expect(player.of('release').length >= 2, 'it sends the release again');
    },
  },
  {
    id: 'P32/down',
    promise: 'gives up a release in silence after 2 s if the server does not answer',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      player.network.always(LOST);
      const reply = await player.release();
      const tookMs = reply.atMs - reply.askedMs;
      stage.expect(reply.ok, `it does not fail: ${reply.code}`);
      stage.expect(tookMs < 4_000, `it gives up after 2 s: ${tookMs} ms`);
      stage.expect(
        player.of('release').length >= 2,
        `it sends the release again: ${player.of('release').length}`,
      );
      await stage.sleep(4);
      await player.untilState('released', 1);
      player.expectNever('lost');
    },
  },
  ...(
    [
      ['exit', AGENT],
      ['eof', AGENT],
      ['SIGTERM', BOTH],
      ['SIGINT', AGENT],
    ] as const
  ).map(
    ([how, kinds]): Scenario => ({
      id: `P33/${how}`,
      promise: `releases its seat when it ends without a release (${how})`,
      kinds,
      async play(stage) {
        const player = await stage.seat();
        const endMs = Date.now();
        await player.client.stopSampling();
        if (how === 'exit') void player.leave();
        else if (how === 'eof') player.client.endInput();
        else player.client.signal(how);
        await stage.until('the seat is free within 2 s', async () => (await stage.taken()) === 0, 2);
        const exit = await Promise.race([player.client.exited, stage.sleep(4).then(() => undefined)]);
        stage.expect(exit !== undefined, 'the program ends');
        if (exit) stage.expect(exit.atMs - endMs < 2_500, `it ends soon: ${exit.atMs - endMs} ms`);
      },
    }),
  ),
  {
    id: 'P33/down',
    promise: 'ends within 2 s although the server does not answer',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.refuseConnections();
      await player.client.stopSampling();
      const endMs = Date.now();
      const exit = await Promise.race([player.leave(), stage.sleep(5).then(() => undefined)]);
      stage.expect(
        exit !== undefined && exit.atMs - endMs < 3_500,
        `it ends soon: ${exit ? exit.atMs - endMs : '-'} ms`,
      );
    },
  },
  {
    id: 'P33/killed',
    promise: 'leaves its seat for one lease only when it is killed',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.seat();
      await player.client.kill();
      stage.expect((await stage.taken()) === 1, 'the seat is still taken');
      await stage.until('the seat is free after its lease', async () => (await stage.taken()) === 0, 11);
    },
  },
  {
    id: 'P33/killed-run',
    promise: 'ends its program within one lease when it is killed itself',
    kinds: ['run'],
    async play(stage) {
      const player = await stage.seat();
      await player.client.stopSampling();
      player.client.note('the command alone is killed');
      player.client.signalOne('SIGKILL');
      await stage.until('the program is told to end within one lease', () => player.hasSaid('told'), 11);
    },
  },
];

export const SETTINGS: readonly Scenario[] = (
  [
    ['plain-http', { SEATLEASE_URL: 'http://licenses.example.com' }],
    ['nonsense', { SEATLEASE_URL: 'licenses example' }],
    ['wait', { SEATLEASE_WAIT: 'abc' }],
  ] as const
).map(
  ([name, env]): Scenario => ({
    id: `P46/${name}`,
    promise: `refuses a wrong setting before any request: ${Object.entries(env).flat().join('=')}`,
    kinds: BOTH,
    async play(stage) {
      const player = await stage.start({ env });
      const reply = await player.acquire();
      stage.expect(!reply.ok, 'it gets no seat');
      if (stage.kind === 'agent') stage.expect(reply.code === 'OPTION_INVALID', `it reports ${reply.code}`);
      else {
        stage.expect(player.client.exit?.code === 64, `it ends with 64: ${player.client.exit?.code}`);
        const [variable = ''] = Object.keys(env);
        stage.expect(player.client.errors.includes(variable), `it names ${variable}`);
      }
      stage.expect(player.network.seen.length === 0, 'it sends nothing');
    },
  }),
);
