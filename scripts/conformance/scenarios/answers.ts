import acquire from '../../../functions/acquire/contract.ts';
import heartbeat from '../../../functions/heartbeat/contract.ts';
import release from '../../../functions/release/contract.ts';
import sign from '../../../functions/sign/contract.ts';
import { type Next, PROBLEMS, type Problem, type ProblemCode } from '../../../shared/errors.ts';
import type { EndpointContract } from '../../../shared/http/contract.ts';
import { problemsOf } from '../../generate/openapi/problems.ts';
import { changedBody, problem } from '../network.ts';
import { AGENT, BOTH, type Scenario } from '../stage.ts';

/** What the endpoints of a client, or a wrong route to them, can answer. Any other code is like an unknown one. */
const CODES: readonly ProblemCode[] = [
  ...new Set<ProblemCode>([
    ...[acquire, heartbeat, release, sign].flatMap((contract) =>
      Object.values<EndpointContract>(contract.endpoints).flatMap((one) => problemsOf(contract, one)),
    ),
    'NOT_FOUND',
    'METHOD_NOT_ALLOWED',
  ]),
].sort();

function nextOf(code: ProblemCode): { readonly asked: Next; readonly held: Next | undefined } {
  const { next, whileHeld }: Problem = PROBLEMS[code];
  if (whileHeld === undefined) return { asked: next, held: next };
  return { asked: next, held: 'byEnded' in whileHeld ? undefined : whileHeld };
}

const isDone = (next: Next | undefined): boolean => next?.do === 'stop';

/** Every code of the table, once as the answer to a heartbeat. */
const HELD: readonly Scenario[] = CODES.flatMap((code): Scenario[] => {
  const { held } = nextOf(code);
  if (!held) return [];
  if (isDone(held))
    return [
      {
        id: `C1/${code}`,
        promise: `is lost at once when a heartbeat is answered by ${code}`,
        kinds: code === 'CREDENTIALS_INVALID' ? BOTH : AGENT,
        async play(stage) {
          await stage.createLicense({ heartbeat_seconds: 1 });
          const player = await stage.seat();
          player.network.always(problem(code), 'heartbeat');
          await player.untilEvent('lost', 4);
          const lostMs = Date.now();
          player.expectEvent('lost', code);
          await stage.sleep(2.5);
          stage.expect(player.asksSince(lostMs).length === 0, 'it asks no more');
          stage.expect(
            player.since(lostMs + 100).every(({ mayRun }) => !mayRun),
            'the program may not run',
          );
        },
      },
    ];
  return [
    {
      id: `C1/${code}`,
      promise: `asks again within its lease when a heartbeat is answered by ${code}`,
      kinds: code === 'INTERNAL' || code === 'AUTHENTICATION_REQUIRED' ? BOTH : AGENT,
      async play(stage) {
        await stage.createLicense({ heartbeat_seconds: 2 });
        const player = await stage.seat();
        player.network.next('heartbeat', problem(code));
        await stage.until('a heartbeat is sent', () => player.of('heartbeat').length > 0, 4);
        await stage.until('it asks again', () => player.of('heartbeat').length > 1, 9.5);
        await stage.sleep(0.5);
        player.expectNever('lost');
        stage.expect(player.mayRunSince(0), 'the program may run all the time');
        stage.expect(player.of('acquire').length === 1, 'it keeps its session');
      },
    },
  ];
});

const ASKED: readonly Scenario[] = [
  {
    id: 'C2/stop',
    promise: 'reports each refusal of a seat with its code, after one request',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.start();
      for (const code of CODES.filter((one) => isDone(nextOf(one).asked) && one !== 'SESSION_ENDED')) {
        const before = player.of('acquire').length;
        player.network.always(problem(code), 'acquire');
        const reply = await player.acquire();
        stage.expect(
          !reply.ok && reply.code === code,
          `${code} is reported: ${reply.ok ? 'ok' : reply.code}`,
        );
        const tries = player.of('acquire').length - before;
        stage.expect(tries === 1, `${code} is the answer to one request: ${tries}`);
      }
    },
  },
  ...CODES.filter((code) => {
    const { asked } = nextOf(code);
    return asked.do === 'retry' && asked.backoff !== 'seat';
  }).map(
    (code): Scenario => ({
      id: `C2/${code}`,
      promise: `tries four times when a seat is answered by ${code}, and reports it`,
      kinds: AGENT,
      async play(stage) {
        const player = await stage.start();
        player.network.always(problem(code), 'acquire');
        const reply = await player.acquire();
        stage.expect(
          !reply.ok && reply.code === code,
          `it reports the code: ${reply.ok ? 'ok' : reply.code}`,
        );
        const tries = player.of('acquire').length;
        stage.expect(tries === 4, `it tries four times: ${tries}`);
      },
    }),
  ),
];

export const ANSWERS: readonly Scenario[] = [
  ...(
    [
      ['expired', { ended: 'expired' }],
      ['unknown', { ended: 'unknown' }],
      ['missing', {}],
      ['new', { ended: 'something_new' }],
    ] as const
  ).map(
    ([name, members]): Scenario => ({
      id: `P15/${name}`,
      promise: `acquires at once with the same instance when its session is gone (${name})`,
      kinds: BOTH,
      async play(stage) {
        const player = await stage.seat();
        player.network.next('heartbeat', problem('SESSION_NOT_FOUND', { members }));
        await stage.until('a heartbeat is sent', () => player.of('heartbeat').length > 0, 5);
        await stage.until('it acquires anew at once', () => player.of('acquire').length > 1, 1.5);
        await stage.sleep(1);
        player.expectEvent('reacquired');
        player.expectNever('lost');
        await player.untilState('online', 1);
        stage.expect(player.of('acquire').length === 2, 'it acquires anew once');
      },
    }),
  ),
  ...(['program', 'seat'] as const).map(
    (scope): Scenario => ({
      id: `P16/${scope}`,
      promise: `is lost at once when an admin evicts its ${scope}, and does not come back by itself`,
      kinds: BOTH,
      needs: ['offline'],
      async play(stage) {
        const player = await stage.seatWithGrace();
        await stage.evict(player, scope);
        await player.untilEvent('lost', 6);
        const lostMs = Date.now();
        player.expectEvent('lost', 'SESSION_NOT_FOUND');
        await stage.sleep(4);
        stage.expect(player.asksSince(lostMs).length === 0, 'it asks no more');
        stage.expect(
          player.since(lostMs + 100).every(({ mayRun }) => !mayRun),
          'the program may not run',
        );
      },
    }),
  ),
  {
    id: 'P16/released',
    promise: 'is lost at once when its session was released',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.always(problem('SESSION_NOT_FOUND', { members: { ended: 'released' } }), 'heartbeat');
      await player.untilEvent('lost', 6);
      player.expectEvent('lost', 'SESSION_NOT_FOUND');
      stage.expect(player.of('acquire').length === 1, 'it does not acquire anew');
    },
  },
  {
    id: 'P17',
    promise: 'goes on when a heartbeat has revived its session',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      player.network.next(
        'heartbeat',
        changedBody('passes, with "revived"', (body) => ({ ...body, revived: true })),
      );
      await stage.until('a heartbeat is answered', () => player.of('heartbeat').length > 0, 5);
      await stage.sleep(1.5);
      player.expectEvent('reacquired');
      player.expectNever('lost');
      stage.expect(player.of('acquire').length === 1, 'it does not acquire anew');
    },
  },
  {
    id: 'P18/once',
    promise: 'takes a fresh instance, once, when the first one has ended',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.start();
      player.network.next('acquire', problem('SESSION_ENDED'));
      const reply = await player.acquire();
      stage.expect(reply.ok, `it gets its seat: ${reply.code}`);
      const [first, second] = player.of('acquire');
      stage.expect(first?.body?.instance_id !== second?.body?.instance_id, 'the second instance is fresh');
      const gapMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
      stage.expect(gapMs < 500, `it is asked for at once: ${gapMs} ms`);
    },
  },
  {
    id: 'P18/twice',
    promise: 'reports SESSION_ENDED when the fresh instance has ended too',
    kinds: AGENT,
    async play(stage) {
      const player = await stage.start();
      player.network.always(problem('SESSION_ENDED'), 'acquire');
      const reply = await player.acquire();
      stage.expect(!reply.ok && reply.code === 'SESSION_ENDED', `it reports the code: ${reply.code}`);
      stage.expect(player.of('acquire').length === 2, `it asks twice: ${player.of('acquire').length}`);
    },
  },
  {
    id: 'P23/rotated',
    promise: 'is lost at once when its license key was replaced',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      await stage.server.operate('POST', `/api/v1/licenses/${stage.license.licenseId}/rotate-key`, {});
      await player.untilEvent('lost', 6);
      player.expectEvent('lost', 'CREDENTIALS_INVALID');
      const lostMs = Date.now();
      await stage.sleep(3);
      stage.expect(player.asksSince(lostMs).length === 0, 'it asks no more with the same key');
    },
  },
  {
    id: 'P23/overlap',
    promise: 'goes on when its license key is replaced with an overlap',
    kinds: BOTH,
    async play(stage) {
      const player = await stage.seat();
      await stage.server.operate('POST', `/api/v1/licenses/${stage.license.licenseId}/rotate-key`, {
        overlap_seconds: 3_600,
      });
      await stage.until(
        'two heartbeats are answered',
        () => player.of('heartbeat').filter(({ told }) => told?.status === 200).length >= 2,
        9,
      );
      player.expectNever('lost');
    },
  },
  {
    id: 'P24',
    promise: 'shows new features and limits after the next heartbeat, and keeps them',
    kinds: AGENT,
    async play(stage) {
      await stage.createLicense({ heartbeat_seconds: 2, features: ['export'], limits: { rows: 10 } });
      const player = await stage.seat();
      const shows = (features: readonly string[], rows: number): boolean => {
        const { features: has, limits } = player.last?.reply ?? {};
        const shown = Array.isArray(has) ? has.toSorted().join() : '';
        return shown === features.join() && (limits as Record<string, unknown> | undefined)?.rows === rows;
      };
      await stage.until('it shows what was granted', () => shows(['export'], 10), 1);
      await stage.change({ features: ['audit', 'export'], limits: { rows: 20 } });
      await stage.until('it shows what has changed', () => shows(['audit', 'export'], 20), 3.5);
      const beats = player.of('heartbeat').length;
      await stage.until('two more beats', () => player.of('heartbeat').length >= beats + 2, 6);
      await stage.sleep(0.5);
      stage.expect(shows(['audit', 'export'], 20), 'it keeps them');
    },
  },
  {
    id: 'P25',
    promise: 'ignores fields of answers that it does not know',
    kinds: BOTH,
    async play(stage) {
      const more = changedBody('passes, with new fields', (body) => ({
        ...body,
        something_new: { deep: [1, null] },
        entitlements: body.entitlements && { ...(body.entitlements as object), something_new: 'x' },
      }));
      const player = await stage.start();
      player.network.next('acquire', more);
      player.network.next('heartbeat', more);
      const reply = await player.acquire();
      stage.expect(reply.ok, `it takes the seat: ${reply.code}`);
      player.client.startSampling();
      await stage.until('two heartbeats', () => player.of('heartbeat').length >= 2, 9);
      await stage.sleep(0.3);
      stage.expect(player.mayRunSince(0), 'the program may run all the time');
      const [first, second] = player.of('heartbeat');
      const gapMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
      stage.expect(gapMs > stage.heartbeatMs * 0.85, `the answer counts: next beat after ${gapMs} ms`);
    },
  },
  ...HELD,
  ...ASKED,
];
