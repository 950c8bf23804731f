import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PLANS } from '../../shared/domain/plans.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestSuite } from '../testing/suite.ts';
import { signIn, type TestUser } from '../testing/users.ts';

const DAY_MS = 24 * 3600 * 1000;

let clocked: ClockedSuite;
let suite: TestSuite;
beforeAll(async () => {
  clocked = await openClockedSuite();
  suite = clocked.suite;
});
afterAll(() => clocked.close());

let people = 0;
let ada: TestUser;
let tenantId: string;
let licenseId: string;
let key: string;
beforeEach(async () => {
  people += 1;
  ada = await signIn(suite, `ada${people}@gmail.com`);
  const fingerprint = `machine ${people}`;
  [tenantId = ''] = ada.tenants.keys();
  const request = { tenant_id: tenantId, fingerprint };
  const trial = await ada.call('POST', '/api/v1/licenses/trial/activate', request);
  [licenseId, key] = [trial.body.license_id, trial.body.license_key];
});

/** Buys seats for the trial license, and returns the subscription. */
async function buy(options: { plan?: string; seats: number }): Promise<string> {
  const order = { tenant_id: tenantId, plan: 'pro', license_id: licenseId, ...options };
  const page = await ada.call('POST', '/api/v1/checkout/create-session', order);
  if (page.status !== 201) throw new Error(`no checkout: ${page.text}`);
  expect(page.body.license_id).toBe(licenseId);
  await suite.stripe.pay(page.body.checkout_url);
  await suite.stripe.idle();
  return suite.stripe.subscriptionOf(page.body.checkout_url) ?? '';
}

function acquire(fingerprint: string): Promise<Reply> {
  return suite.call('POST', '/api/v1/licenses/acquire', {
    authorization: `License ${key}`,
    body: { fingerprint },
  });
}

function beat({ body: { session_id, session_token } }: Reply): Promise<Reply> {
  return suite.call('PUT', '/api/v1/licenses/heartbeat', {
    authorization: `License ${key}`,
    body: { session_id, session_token },
  });
}

const read = async (): Promise<Reply['body']> =>
  (await suite.operate('GET', `/api/v1/licenses/${licenseId}`)).body;

const code = (reply: Reply): string => `${reply.status} ${reply.body?.code ?? ''}`.trim();

describe('a trial that is bought', () => {
  test('keeps the license, its key and running sessions, and grants more seats', async () => {
    const seats = [await acquire('1'), await acquire('2')];
    const subscription_id = await buy({ seats: 5 });
    expect(await read()).toMatchObject({
      license_id: licenseId,
      trial: false,
      subscription_id,
      max: 5,
      plan: 'pro',
      seats: { active: 2, max: 5 },
    });
    clocked.moveClock(200_000);
    for (const seat of seats) {
      const reply = await beat(seat);
      expect([reply.status, reply.body.status, reply.body.session_id]).toEqual([
        200,
        'heartbeat_acknowledged',
        seat.body.session_id,
      ]);
    }
    expect((await acquire('1')).body.session_id).toBe(seats[0]?.body.session_id);
    expect((await acquire('3')).body.seats).toEqual({ active: 3, max: 5 });
  });

  test('lasts for the paid period, however long ago the trial would have ended', async () => {
    await buy({ seats: 5 });
    clocked.moveClock(20 * DAY_MS);
    expect((await acquire('1')).status).toBe(201);
  });

  test('is valid again just after it had ended, with its sessions', async () => {
    clocked.moveClock(14 * DAY_MS - 1_000);
    const seat = await acquire('1');
    clocked.moveClock(60_000);
    expect(code(await beat(seat))).toBe('403 LICENSE_EXPIRED');
    ada = await signIn(suite, ada.email);
    await buy({ seats: 5 });
    const reply = await beat(seat);
    expect([reply.status, reply.body.session_id]).toEqual([200, seat.body.session_id]);
    expect(await read()).toMatchObject({ trial: false, seats: { active: 1, max: 5 } });
  });

  test('is valid again long after it had ended, with the same key', async () => {
    clocked.moveClock(45 * DAY_MS);
    expect(code(await acquire('1'))).toBe('403 LICENSE_EXPIRED');
    ada = await signIn(suite, ada.email);
    await buy({ seats: 5 });
    expect((await acquire('1')).body.seats).toEqual({ active: 1, max: 5 });
  });

  test('with fewer seats than are taken, ends those that were acquired last and grants none until one is free', async () => {
    const seats: Reply[] = [];
    for (const machine of ['1', '2', '3']) {
      seats.push(await acquire(machine));
      clocked.moveClock(1);
    }
    expect(PLANS.pro.trialSeats).toBe(3);
    await buy({ seats: 2 });
    const beats = await Promise.all(seats.map((seat) => beat(seat)));
    expect(beats.map(({ status }) => status)).toEqual([200, 200, 404]);
    expect(code(await acquire('3'))).toBe('409 SEATS_EXHAUSTED');
    await release(seats[0]);
    expect((await acquire('3')).body.seats).toEqual({ active: 2, max: 2 });
  });

  test('for another plan gets the terms of that plan', async () => {
    await buy({ plan: 'team', seats: 6 });
    expect(await read()).toMatchObject({ plan: 'team', max: 6, features: [...PLANS.team.features] });
  });

  test('is no longer a trial: a new request reports it as used, and the key stays', async () => {
    await buy({ seats: 5 });
    const again = await ada.call('POST', '/api/v1/licenses/trial/activate', {
      tenant_id: tenantId,
      fingerprint: `machine ${people}`,
    });
    expect(code(again)).toBe('409 TRIAL_ALREADY_USED');
    expect((await acquire('1')).status).toBe(201);
  });

  test('and canceled later ends like any other license', async () => {
    const subscriptionId = await buy({ seats: 5 });
    await suite.stripe.end(subscriptionId);
    await suite.stripe.idle();
    expect(code(await acquire('1'))).toBe('403 LICENSE_EXPIRED');
    expect(await read()).toMatchObject({ trial: false, hold: null });
  });

  async function release(seat: Reply | undefined): Promise<void> {
    const body = { session_id: seat?.body.session_id };
    await suite.call('POST', '/api/v1/licenses/release', { authorization: `License ${key}`, body });
  }
});
