import fc from 'fast-check';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Seatlease } from './client.ts';
import type { Seat } from './seat.ts';
import { CannedServer, LICENSE, problem, type Said, SESSION } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import type { Weather } from './testing/network.ts';
import { testMachine, testPlatform } from './testing/platform.ts';

const HOUR_MS = 3600_000;
const GRACE_MS = 2 * 24 * HOUR_MS;
/**
 * The SDK looks at its clocks at least this often. A clock that is set back by as much as the machine sleeps between two
 * looks hides the sleep from everybody; nothing can be promised then.
 */
const LOOK_MS = 21_000;
/** Short looks, so that nothing that is believed in between goes unseen. */
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

/** What the server of a story knows, by true time. */
class Model {
  sleptMs = 0;
  leaseEndsMs = 0;
  isReleased = false;
  offlineUntilMs = 0;
  mood: 'sound' | 'broken' | 'garbled' | 'refusing' = 'sound';
  inFlight = 0;
  mostInFlight = 0;
  readonly canned: CannedServer;
  readonly #clock: TestClock;
  readonly #speed: number;

  constructor(clock: TestClock, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
    this.canned = new CannedServer(clock);
    this.canned.acquire = () => this.#say(() => this.#extend(this.canned.grant({ offline_grace_days: 2 })));
    this.canned.heartbeat = () =>
      this.#say(() =>
        this.isReleased ? problem(404, 'SESSION_NOT_FOUND') : this.#extend(this.canned.beat()),
      );
    this.canned.release = () =>
      this.#say(() => {
        this.isReleased = true;
        return { status: 204 };
      });
    this.canned.sign = () => this.#say(() => this.#sign());
  }

  get nowMs(): number {
    return Date.UTC(2026, 0) + this.sleptMs + this.#clock.now().monotonicMs / this.#speed;
  }

  async #say(sound: () => Said | Promise<Said>): Promise<Said> {
    if (this.mood === 'broken') return problem(503, 'SEATS_UNAVAILABLE');
    if (this.mood === 'refusing') return problem(403, 'LICENSE_SUSPENDED');
    const said = await sound();
    return this.mood === 'garbled' ? { ...said, body: `${JSON.stringify(said.body)}}`, status: 200 } : said;
  }

  #extend(body: Record<string, unknown>): Said {
    this.isReleased = false;
    this.leaseEndsMs = this.nowMs + 360_000;
    return { status: 200, body };
  }

  async #sign(): Promise<Said> {
    const until = new Date(this.nowMs + GRACE_MS);
    const license = {
      license_id: LICENSE,
      session_id: SESSION,
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

const Deed = fc.oneof(
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
      do: fc.constant('weather' as const),
      weather: fc.constantFrom<Weather>('on', 'on', 'cut', 'hung', 'deaf', 3_000, 9_500),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mood' as const),
      mood: fc.constantFrom('sound', 'sound', 'sound', 'broken', 'garbled', 'refusing'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('acquire' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
);

test('whatever befalls it, a seat is never believed in for longer than the server holds it, nor used for longer than was signed', async () => {
  const seen = { online: 0, offline: 0, expired: 0, released: 0, inGrace: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(Deed, { minLength: 10, maxLength: 40 }),
      fc.constantFrom(0.998, 1, 1.003),
      async (deeds, speed) => {
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

        function look(): void {
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
              // A slow clock alone makes two days longer, and nothing is there to tell.
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
            look();
          }
        }

        for (const deed of deeds) {
          if (deed.do === 'pass') await pass(deed.ms);
          if (deed.do === 'shift') {
            await clock.shift(deed.ms);
            await pass(LOOK_MS);
          }
          if (deed.do === 'weather') platform.transport.weather = deed.weather;
          if (deed.do === 'mood') model.mood = deed.mood as Model['mood'];
          if (deed.do === 'sleep') {
            model.sleptMs += deed.ms;
            await clock.sleep(deed.ms);
            await pass(LOOK_MS);
          }
          if (deed.do === 'acquire') {
            seatlease.acquire().catch(() => undefined);
            await clock.advance(0);
          }
          if (deed.do === 'release') {
            const [seat] = [...seats].slice(-1);
            if (seat) released.add(seat);
            seat?.release().catch(() => undefined);
          }
          look();
        }
      },
    ),
    // Making a failed story shorter takes minutes; the seed tells it again.
    { numRuns: 60, endOnFailure: true },
  );
  // A story in which nothing happens proves nothing.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(20);
});
