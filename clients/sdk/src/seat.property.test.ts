import fc from 'fast-check';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Seatlease } from './client.ts';
import type { Seat } from './seat.ts';
import { type CannedAnswer, CannedServer, LICENSE, problem } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import type { NetworkCondition } from './testing/network.ts';
import { testMachine, testPlatform } from './testing/platform.ts';

const HOUR_MS = 3600_000;
const GRACE_MS = 2 * 24 * HOUR_MS;
/**
 * The SDK reads its clocks at least this often. If between two reads the machine sleeps and its clock is set back by the same
 * time, no clock shows the sleep, and nothing can be guaranteed.
 */
const READ_INTERVAL_MS = 21_000;
/** Short steps, so that the test checks the seat often. */
const STEP_MS = 3_000;

let keys: CryptoKeyPair;
let publicKeys: string;
beforeAll(async () => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, hash: 'SHA-256' };
  keys = await crypto.subtle.generateKey({ ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    'sign',
    'verify',
  ]);
  const spki = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey)).toString('base64');
  publicKeys = `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----`;
});
afterEach(() => void vi.restoreAllMocks());

/** The server's state, by true time. */
class Model {
  sleptMs = 0;
  leaseEndsMs = 0;
  isReleased = false;
  offlineUntilMs = 0;
  mode: 'working' | 'broken' | 'garbled' | 'refusing' = 'working';
  inFlight = 0;
  mostInFlight = 0;
  readonly canned: CannedServer;
  readonly #clock: TestClock;
  readonly #speed: number;

  constructor(clock: TestClock, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
    this.canned = new CannedServer(clock);
    this.canned.acquire = () =>
      this.#answer(() => this.#extend(this.canned.grant({ offline_grace_days: 2 })));
    this.canned.heartbeat = () =>
      this.#answer(() =>
        this.isReleased ? problem(404, 'SESSION_NOT_FOUND') : this.#extend(this.canned.heartbeatAnswer()),
      );
    this.canned.release = () =>
      this.#answer(() => {
        this.isReleased = true;
        return { status: 204 };
      });
    this.canned.sign = () => this.#answer(() => this.#sign());
  }

  get nowMs(): number {
    return Date.UTC(2026, 0) + this.sleptMs + this.#clock.now().monotonicMs / this.#speed;
  }

  async #answer(working: () => CannedAnswer | Promise<CannedAnswer>): Promise<CannedAnswer> {
    if (this.mode === 'broken') return problem(503, 'SEATS_UNAVAILABLE');
    if (this.mode === 'refusing') return problem(403, 'LICENSE_SUSPENDED');
    const answer = await working();
    return this.mode === 'garbled'
      ? { ...answer, body: `${JSON.stringify(answer.body)}}`, status: 200 }
      : answer;
  }

  #extend(body: Record<string, unknown>): CannedAnswer {
    this.isReleased = false;
    this.leaseEndsMs = this.nowMs + 360_000;
    return { status: 200, body };
  }

  async #sign(): Promise<CannedAnswer> {
    const until = new Date(this.nowMs + GRACE_MS);
    const license = {
      license_id: LICENSE,
      fingerprint: 'fingerprint of machine',
      issued_at: new Date(this.nowMs).toISOString(),
      offline_until: until.toISOString(),
    };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'RS256', typ: 'license+jwt', kid: 'k' })}.${part({ exp: Math.floor(until.getTime() / 1000), license })}`;
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', keys.privateKey, Buffer.from(signed));
    this.offlineUntilMs = until.getTime();
    return {
      status: 200,
      body: { license_token: `${signed}.${Buffer.from(signature).toString('base64url')}` },
    };
  }
}

const Step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 400_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('sleep' as const),
      ms: fc.integer({ min: 1, max: 30 * HOUR_MS }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('shift' as const),
      ms: fc.integer({ min: -60 * HOUR_MS, max: 60 * HOUR_MS }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('condition' as const),
      condition: fc.constantFrom<NetworkCondition>('on', 'on', 'cut', 'hung', 'deaf', 3_000, 9_500),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mode' as const),
      mode: fc.constantFrom('working', 'working', 'working', 'broken', 'garbled', 'refusing'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('acquire' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
);

test('a seat never holds its lease longer than on the server, and never runs longer than its signed license', async () => {
  const seen = { online: 0, offline: 0, expired: 0, released: 0, inGrace: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(Step, { minLength: 10, maxLength: 40 }),
      fc.constantFrom(0.998, 1, 1.003),
      async (steps, speed) => {
        const clock = new TestClock(Date.UTC(2026, 0), speed);
        const model = new Model(clock, speed);
        const platform = testPlatform(model.canned.answer, testMachine('machine', clock));
        const { send } = platform.transport;
        platform.transport.send = async (request, options) => {
          const isAcquire = request.url.endsWith('/acquire');
          if (isAcquire) model.mostInFlight = Math.max(model.mostInFlight, ++model.inFlight);
          try {
            return await send.call(platform.transport, request, options);
          } finally {
            if (isAcquire) model.inFlight -= 1;
          }
        };
        const seatlease = new Seatlease(
          { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret', publicKeys },
          platform,
        );
        const seats = new Set<Seat>();
        const released = new Set<Seat>();
        seatlease.on('granted', ({ seat }) => void seats.add(seat));

        function check(): void {
          for (const seat of seats) {
            const { holdsLease, mayRun, state } = seat;
            seen[state] += 1;
            if (released.has(seat))
              expect({ state, mayRun, holdsLease }).toEqual({
                state: 'released',
                mayRun: false,
                holdsLease: false,
              });
            if (holdsLease) {
              expect(mayRun).toBe(true);
              expect(model.isReleased).toBe(false);
              expect(model.leaseEndsMs).toBeGreaterThan(model.nowMs);
            } else if (mayRun) {
              seen.inGrace += 1;
              // A slow clock lengthens the two days, and no other clock shows it.
              const slackMs = speed < 1 ? GRACE_MS / speed - GRACE_MS : 0;
              expect(model.offlineUntilMs + slackMs).toBeGreaterThan(model.nowMs);
            }
          }
          expect(model.mostInFlight).toBeLessThanOrEqual(1);
        }

        async function pass(ms: number): Promise<void> {
          for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
            const stepMs = Math.min(STEP_MS, leftMs);
            await clock.advance(stepMs);
            check();
          }
        }

        for (const step of steps) {
          if (step.do === 'pass') await pass(step.ms);
          if (step.do === 'shift') {
            await clock.shift(step.ms);
            await pass(READ_INTERVAL_MS);
          }
          if (step.do === 'condition') platform.transport.condition = step.condition;
          if (step.do === 'mode') model.mode = step.mode as Model['mode'];
          if (step.do === 'sleep') {
            model.sleptMs += step.ms;
            await clock.sleep(step.ms);
            await pass(READ_INTERVAL_MS);
          }
          if (step.do === 'acquire') {
            seatlease.acquire().catch(() => undefined);
            await clock.advance(0);
          }
          if (step.do === 'release') {
            const [seat] = [...seats].slice(-1);
            if (seat) released.add(seat);
            seat?.release().catch(() => undefined);
          }
          check();
        }
      },
    ),
    // Shrinking takes minutes; the seed repeats the failure.
    { numRuns: 60, endOnFailure: true },
  );
  // Each state must occur, or the test proves nothing about it.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(20);
});
