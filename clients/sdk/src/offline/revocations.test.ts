import { createHash, createPublicKey } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SeatleaseError } from '../errors.ts';
import { NoAnswer, type Request, type Response } from '../platform.ts';
import type { Answer, CallOptions, Operation } from '../server.ts';
import { Stopwatch } from '../stopwatch.ts';
import { LICENSE } from '../testing/canned.ts';
import { TestClock } from '../testing/clock.ts';
import { memoryStorage } from '../testing/platform.ts';
import { testVendor, type Vendor } from '../testing/vendor.ts';
import type { Terms } from './grace.ts';
import { importKeys } from './keys.ts';
import { RevocableGrace } from './revocations.ts';
import { Store } from './store.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
const TERMS: Terms = { graceDays: 7, startDays: 0, borrowedUntil: undefined };
const BASE = 'https://licenses.example';

/** The old key, which is stolen, and the new one. */
let old: Vendor;
let fresh: Vendor;
let stranger: Vendor;
beforeAll(async () => {
  [old, fresh, stranger] = await Promise.all([testVendor('v1'), testVendor('v2'), testVendor('v3')]);
});

let clock: TestClock;
let files: Map<string, string>;
let signer: Vendor;
let refusal: SeatleaseError | undefined;
let signed: number;
let fetched: string[];
/** Tokens of the published list; `undefined`: it cannot be fetched. */
let tokens: string[] | undefined;
beforeEach(() => {
  clock = new TestClock();
  files = new Map();
  signer = old;
  refusal = undefined;
  signed = 0;
  fetched = [];
  tokens = [];
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => void vi.restoreAllMocks());

const thumbprint = ({ pem }: Vendor): string => {
  const { e, n } = createPublicKey(pem).export({ format: 'jwk' });
  return createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url');
};
const revoked = (key: Vendor, since: string | null = null) => ({
  key_id: 'any',
  thumbprint: thumbprint(key),
  since,
});
function listBy(by: Vendor, sequence: number, keys: object[], licenses: object[] = [], head: object = {}) {
  const list = { exp: undefined, license: undefined, iat: 1, sequence, keys, licenses };
  return by.sign({}, { typ: 'license-revocations+jwt', ...head }, list);
}
const at = (ms: number): string => new Date(ms).toISOString();

/** A license of this machine, as somebody with the key signs it. */
function licenseBy(by: Vendor, more: object = {}, head: object = {}, claims: object = {}): Promise<string> {
  const nowMs = clock.now().wallMs;
  const license = {
    license_id: LICENSE,
    fingerprint: 'laptop',
    features: [],
    issued_at: at(nowMs),
    offline_until: at(nowMs + 7 * DAY_MS),
    ...more,
  };
  return by.sign(license, head, { jti: `jti-${signed}`, ...claims });
}

/** Starts a program. `pinned`: the keys in its build. */
async function program(pinned: readonly Vendor[] = [old, fresh]) {
  const risks: string[] = [];
  const stopwatch = new Stopwatch(clock);
  const send = async ({ url }: Request): Promise<Response> => {
    fetched.push(url);
    if (!tokens) throw new NoAnswer('cut');
    return { status: 200, header: () => undefined, body: JSON.stringify({ tokens }) };
  };
  const grace = new RevocableGrace(
    {
      server: {
        async call<Body>(_: Operation, { read }: CallOptions<Body>): Promise<Answer<Body>> {
          signed += 1;
          if (refusal) return { error: refusal };
          const body = read(JSON.stringify({ license_token: await licenseBy(signer) }), 200);
          return { sentAtMs: stopwatch.read(), body: body as Body };
        },
      },
      store: new Store(memoryStorage(files), 'seat', 'secret'),
      platform: { clock, transport: { send }, storage: memoryStorage(files) },
      stopwatch,
      keys: await importKeys(pinned.map(({ pem }) => pem)),
      expected: { fingerprint: 'laptop', licenseId: LICENSE, isLocal: false },
      atRisk: ({ message }) => void risks.push(message),
    },
    BASE,
  );
  return {
    grace,
    risks,
    /** What the seat does after a good answer. */
    async online(terms: Partial<Terms> = {}) {
      grace.observe(stopwatch.read(), clock.now().wallMs);
      await grace.signIfDue('ses_07_a', { ...TERMS, ...terms });
      await clock.advance(0);
    },
  };
}

/** What a start without the server makes of the stored license. */
const start = async (pinned?: readonly Vendor[]) => {
  const { grace } = await program(pinned);
  return grace.load().then(
    (found) => found && 'starts',
    (error: SeatleaseError) => error.message,
  );
};
const REVOKED = 'The stored license cannot be used. The vendor has revoked it.';

describe('the list', () => {
  test('is fetched at the first contact, and then once an hour', async () => {
    const { online } = await program();
    await online();
    expect(fetched).toEqual([`${BASE}/.well-known/license-revocations.json`]);
    await clock.advance(HOUR_MS - 1);
    await online();
    expect(fetched).toHaveLength(1);
    await clock.advance(1);
    await online();
    expect(fetched).toHaveLength(2);
    expect(signed).toBe(1);
  });

  test('is fetched again after ten minutes if that fails, and what is signed stays', async () => {
    tokens = undefined;
    const { online, grace, risks } = await program();
    await online();
    await clock.advance(10 * 60_000);
    await online();
    expect(fetched).toHaveLength(2);
    expect([signed, risks]).toEqual([1, []]);
    expect(grace.offlineUntil).toBeDefined();
  });
});

describe('a key that is revoked', () => {
  test('the license of a running program is replaced at once, and its seat is not touched', async () => {
    const { online, grace, risks } = await program();
    await online();
    const before = grace.offlineUntil;
    tokens = [await listBy(fresh, 1, [revoked(old)])];
    signer = fresh;
    await clock.advance(HOUR_MS);
    await online();
    expect(signed).toBe(2);
    expect(grace.offlineUntil?.getTime()).toBe((before?.getTime() ?? 0) + HOUR_MS);
    expect(risks).toEqual([]);
    expect(await start()).toBe('starts');
  });

  test('the program hears that its grace is lost, if no other license can be signed', async () => {
    const { online, grace, risks } = await program();
    await online();
    tokens = [await listBy(fresh, 1, [revoked(old)])];
    refusal = new SeatleaseError('SIGNING_BUSY', 'No.', { status: 503 });
    await clock.advance(HOUR_MS);
    await online();
    expect(risks).toEqual([REVOKED]);
    expect(grace.whyUnusable()?.code).toBe('NO_ANSWER');
  });

  test('a stored license is refused at later starts without the server, and a stolen key cannot bring it back', async () => {
    await (await program()).online();
    expect(await start()).toBe('starts');
    tokens = [await listBy(fresh, 1, [revoked(old)])];
    refusal = new SeatleaseError('SIGNING_BUSY', 'No.', { status: 503 });
    await (await program()).online();
    expect(await start()).toBe(REVOKED);
    tokens = [await listBy(old, 99, [])];
    await (await program()).online();
    expect(await start()).toBe(REVOKED);
  });

  test('a forged license is refused whatever key id it names', async () => {
    tokens = [await listBy(fresh, 1, [revoked(old)])];
    const { online, grace } = await program();
    signer = fresh;
    await online();
    signer = { ...old, sign: (license, head, claims) => old.sign(license, { ...head, kid: 'v2' }, claims) };
    await clock.advance(DAY_MS);
    const before = grace.offlineUntil;
    await online();
    expect(grace.offlineUntil).toEqual(before);
  });

  test('an app that has only the revoked key believes what that key says of itself, for good', async () => {
    await (await program([old])).online();
    tokens = [await listBy(fresh, 1, [revoked(old)]), await listBy(old, 1, [revoked(old)])];
    await (await program([old])).online();
    expect(await start([old])).toBe(REVOKED);
    tokens = [await listBy(old, 2, [])];
    await (await program([old])).online();
    expect(await start([old])).toBe(REVOKED);
  });

  test('a stolen key can revoke itself only', async () => {
    signer = fresh;
    await (await program()).online();
    tokens = [await listBy(old, 1, [revoked(old), revoked(fresh)])];
    await (await program()).online();
    expect(await start()).toBe('starts');
  });

  test('the revocation is undone by a later list of a key that is not revoked, and not by an earlier one', async () => {
    await (await program()).online();
    tokens = [await listBy(fresh, 2, [revoked(old)])];
    refusal = new SeatleaseError('SIGNING_BUSY', 'No.', { status: 503 });
    await (await program()).online();
    tokens = [await listBy(fresh, 1, [])];
    await (await program()).online();
    expect(await start()).toBe(REVOKED);
    tokens = [await listBy(fresh, 3, [])];
    await (await program()).online();
    expect(await start()).toBe('starts');
  });

  test('since a moment: what was issued earlier is accepted', async () => {
    await (await program()).online();
    tokens = [await listBy(fresh, 1, [revoked(old, at(clock.now().wallMs + 1))])];
    await (await program()).online();
    expect(await start()).toBe('starts');
    tokens = [await listBy(fresh, 2, [revoked(old, at(clock.now().wallMs))])];
    refusal = new SeatleaseError('SIGNING_BUSY', 'No.', { status: 503 });
    await (await program()).online();
    expect(await start()).toBe(REVOKED);
  });
});

test('a single license is refused by its jti', async () => {
  await (await program()).online();
  tokens = [await listBy(fresh, 1, [], [{ jti: 'jti-1', until: at(clock.now().wallMs) }])];
  refusal = new SeatleaseError('SIGNING_BUSY', 'No.', { status: 503 });
  await (await program()).online();
  expect(await start()).toBe(REVOKED);
});

test('a revoked license of a loan is replaced, and the loan stays stored', async () => {
  const borrowedUntil = new Date(clock.now().wallMs + 5 * DAY_MS);
  const first = await program();
  await first.online({ borrowedUntil });
  tokens = [await listBy(fresh, 1, [revoked(old)])];
  refusal = new SeatleaseError('SIGNING_BUSY', 'No.', { status: 503 });
  await clock.advance(HOUR_MS);
  await first.online({ borrowedUntil });
  const stored = await new Store(memoryStorage(files), 'seat', 'secret').read();
  expect(stored?.license).toMatchObject({ isBorrowed: true, sessionId: 'ses_07_a' });
  refusal = undefined;
  signer = fresh;
  await clock.advance(10 * 60_000);
  await first.online({ borrowedUntil });
  expect(await start()).toBe('starts');
});

test.each([
  ['by an unknown key', () => listBy(stranger, 1, [revoked(old)])],
  ['of another type', () => listBy(fresh, 1, [revoked(old)], [], { typ: 'license+jwt' })],
  ['with another algorithm', () => listBy(fresh, 1, [revoked(old)], [], { alg: 'RS512' })],
  ['without a sequence', () => listBy(fresh, Number.NaN, [revoked(old)])],
  ['that is no token', async () => 'x'],
])('a list %s is ignored', async (_, token) => {
  await (await program()).online();
  tokens = [await token()];
  await (await program()).online();
  expect(await start()).toBe('starts');
});
