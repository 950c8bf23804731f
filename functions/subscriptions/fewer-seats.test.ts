import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import { unlimited } from '../testing/no-limits.ts';
import { buySeats } from '../testing/purchases.ts';
import type { Reply } from '../testing/suite.ts';

let clocked: ClockedSuite;
let suite: ClockedSuite['suite'];
beforeAll(async () => {
  // One operator sends all requests.
  clocked = await openClockedSuite(unlimited);
  suite = clocked.suite;
});
afterAll(() => clocked.close());

const MINUTE_MS = 60_000;

async function buy(seats: number) {
  const bought = await buySeats(suite, { plan: 'team', seats });
  const path = `/api/v1/subscriptions/${bought.licenseId}`;
  return {
    ...bought,
    change: (wanted: number) => suite.operate('PATCH', path, { seats: wanted }),
    preview: (wanted: number) => suite.operate('POST', `${path}/preview`, { seats: wanted }),
    seats: async () =>
      (await suite.operate('GET', `/api/v1/licenses/${bought.licenseId}`)).body.seats as unknown,
    /** Programs on machines of their own, one after the other. */
    async start(count: number, name = 'machine') {
      const programs: Program[] = [];
      for (let n = 0; n < count; n += 1) {
        const program = { fingerprint: `${name} ${n}`, instance_id: `instance-of-${name}-${n}` };
        const acquired = await bought.acquire(program.fingerprint, program);
        expect(acquired.status, acquired.text).toBe(201);
        programs.push({ ...program, ...tokenOf(acquired) });
        clocked.moveClock(100);
      }
      return programs;
    },
    async lend(count: number) {
      const loans: string[] = [];
      for (let n = 0; n < count; n += 1) {
        const lent = await bought.acquire(`laptop ${n}`, { borrow_days: 7 });
        expect(lent.status, lent.text).toBe(201);
        loans.push(lent.body.session_id);
      }
      return loans;
    },
    async beat(program: Program): Promise<Reply> {
      const { session_id, session_token } = program;
      const reply = await bought.heartbeat({ session_id, session_token });
      if (reply.status === 200) Object.assign(program, tokenOf(reply));
      return reply;
    },
  };
}

interface Program {
  readonly fingerprint: string;
  readonly instance_id: string;
  session_id: string;
  session_token: string;
}

function idsIn(rows: readonly { readonly session_id: string }[]): string[] {
  return rows.map(({ session_id }) => session_id).toSorted();
}

function tokenOf({ body }: Reply) {
  return { session_id: body.session_id as string, session_token: body.session_token as string };
}

describe('twenty programs on seats that were bought for a minute', () => {
  test('do not outlast the change back, however long they send heartbeats and acquire', async () => {
    const bought = await buy(5);
    expect((await bought.change(20)).body.seats).toBe(20);
    const programs = await bought.start(20);
    clocked.moveClock(MINUTE_MS);
    expect((await bought.preview(5)).body.credit).toBeGreaterThan(20_000);
    expect((await bought.change(5)).body.seats).toBe(5);
    expect(await bought.seats()).toEqual({ active: 5, max: 5 });

    for (let beats = 0; beats < 3; beats += 1) {
      clocked.moveClock(4 * MINUTE_MS);
      const replies = await Promise.all(programs.map((program) => bought.beat(program)));
      // Those that came first keep their seats. The others learn it at their next heartbeat.
      expect(replies.map(({ status }) => status)).toEqual([...Array(5).fill(200), ...Array(15).fill(404)]);
      const ended = replies.slice(5).map(({ body }) => `${body.code} ${body.ended}`);
      expect(new Set(ended)).toEqual(new Set(['SESSION_NOT_FOUND expired']));
      for (const { fingerprint, instance_id } of programs.slice(5, 8)) {
        const again = await bought.acquire(fingerprint, { instance_id });
        expect([again.status, again.body.code]).toEqual([409, 'SEATS_EXHAUSTED']);
      }
    }
    expect(await bought.seats()).toEqual({ active: 5, max: 5 });
  });

  test('are told why in audit log and history, and come back once their seats are paid', async () => {
    const bought = await buy(5);
    await bought.change(7);
    const programs = await bought.start(7);
    await bought.change(5);
    await suite.settle();
    const last = programs.slice(5).map(({ session_id }) => session_id);
    const read = async (path: string) =>
      (await suite.operate('GET', `/api/v1/${path}?license_id=${bought.licenseId}`)).body;
    const { events } = await read('audit');
    const expired = events.filter(({ type }: Reply['body']) => type === 'session.expired');
    expect(expired).toMatchObject(Array(2).fill({ reason: 'seats_reduced', seat: 'freed', max: 5 }));
    expect(idsIn(expired)).toEqual(last.toSorted());
    const { sessions } = await read('sessions/history');
    const ended = sessions.filter(({ end_reason }: Reply['body']) => end_reason === 'seats_reduced');
    expect(idsIn(ended)).toEqual(last.toSorted());

    expect((await bought.change(7)).body.seats).toBe(7);
    for (const program of programs.slice(5))
      expect((await bought.beat(program)).body).toMatchObject({ revived: true });
    expect(await bought.seats()).toEqual({ active: 7, max: 7 });
  });
});

describe('seats on loan', () => {
  test('cannot be given back for a credit, until they are returned', async () => {
    const bought = await buy(5);
    await bought.change(8);
    const [first] = await bought.lend(6);
    const [program] = await bought.start(1);
    for (const refused of [await bought.preview(5), await bought.change(5)]) {
      expect([refused.status, refused.body.code, refused.body.reason]).toEqual([
        409,
        'SUBSCRIPTION_UNCHANGEABLE',
        'lent',
      ]);
    }
    expect((await bought.change(6)).body.seats).toBe(6);
    expect(await bought.seats()).toEqual({ active: 6, max: 6 });
    if (!first || !program) throw new Error('nothing was granted');
    expect((await bought.beat(program)).status).toBe(404);
    await bought.release(first);
    expect((await bought.change(5)).body.seats).toBe(5);
  });

  test('stay until their end if the customer reduces them at Stripe, and nothing can be added to them', async () => {
    const bought = await buy(8);
    const [first, ...others] = await bought.lend(6);
    const programs = await bought.start(2);
    await suite.stripe.changeSeats(bought.subscriptionId, 5);
    await suite.stripe.idle();
    expect(await bought.seats()).toEqual({ active: 6, max: 5 });
    for (const program of programs) expect((await bought.beat(program)).status).toBe(404);
    const refused = [
      await bought.acquire('laptop 0', { instance_id: 'another-program' }),
      await bought.acquire('laptop 0', { borrow_days: 14 }),
      await bought.acquire('laptop 9', { borrow_days: 1 }),
    ];
    expect(refused.map(({ body }) => body.code)).toEqual(Array(3).fill('SEATS_EXHAUSTED'));
    for (const session_id of others) expect((await bought.heartbeat({ session_id })).status).toBe(200);
    await bought.release(first ?? '');
    expect((await bought.acquire('laptop 1', { instance_id: 'another-program' })).status).toBe(200);
  });
});
