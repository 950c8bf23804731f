import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { putLocalKey } from '../../shared/local/signing-key.ts';
import { quickFolder } from '../../shared/testing/quick-folder.ts';
import { historiesOf, storyOf } from '../../shared/testing/read-records.ts';
import { type ClockedSuite, openClockedSuite } from '../testing/clocked-suite.ts';
import type { Reply, TestLicense, TestSuite } from '../testing/suite.ts';

/**
 * The records were restored from an old copy, while the seat store is current. Tests what infra/README.md says under
 * "Go back to an earlier state of the records".
 */

const HOUR_MS = 3_600_000;

let folder: string;
let clocked: ClockedSuite;
let suite: TestSuite;
beforeAll(async () => {
  folder = await quickFolder('seatlease-restored-');
  putLocalKey(join(folder, 'signing-keys'), 1, inject('signingKeys')[0]);
  clocked = await openClockedSuite(undefined, { SEATLEASE_DATA: folder });
  suite = clocked.suite;
  await suite.sweep();
});
afterAll(async () => {
  await clocked.close();
  await rm(folder, { recursive: true, force: true });
});

function inDatabase(work: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(join(folder, 'records.db'));
  work(database);
  database.close();
}

/** Stores a copy of the records. */
function snapshot(): void {
  rmSync(join(folder, 'snapshot.db'), { force: true });
  inDatabase((database) => database.exec(`VACUUM INTO '${join(folder, 'snapshot.db')}'`));
}

/** Records all events, and some hours later restores the records from the copy. */
async function restore(hours: number): Promise<void> {
  await suite.settle();
  clocked.moveClock(hours * HOUR_MS);
  inDatabase((database) => {
    database.exec(`ATTACH '${join(folder, 'snapshot.db')}' AS kept; BEGIN`);
    database.exec(
      'DELETE FROM main.documents; INSERT INTO main.documents SELECT * FROM kept.documents; COMMIT',
    );
  });
}

async function sweep(): Promise<Reply['body']> {
  const { status, body, text } = await suite.sweep();
  expect(status, text).toBe(200);
  await suite.delivered();
  return body;
}

async function change({ licenseId }: TestLicense, terms: Record<string, unknown>): Promise<void> {
  const { status, text } = await suite.operate('PATCH', `/api/v1/licenses/${licenseId}`, terms);
  expect(status, text).toBe(200);
}

describe('after a restore of old records', () => {
  test('the next sweep applies the old terms, keys and suspensions, and removes newer licenses', async () => {
    const resized = await suite.createLicense({ max: 1 });
    const suspended = await suite.createLicense({ max: 1 });
    snapshot();
    await change(resized, { max: 5 });
    const rotated = await suite.giveKey(resized.licenseId);
    await change(suspended, { status: 'suspended' });
    const createdLater = await suite.createLicense({ max: 1 });
    await restore(2);

    // Until the comparison, seats are granted as before.
    for (const machine of ['a', 'b']) await clocked.seat(rotated, machine);
    await clocked.seat(createdLater, 'a');
    expect((await suspended.acquire('a')).body.code).toBe('LICENSE_SUSPENDED');

    expect((await sweep()).reconciled).toMatchObject({ copies: 3, copies_repaired: 3 });
    expect((await rotated.acquire('a')).body.code).toBe('CREDENTIALS_INVALID');
    expect((await resized.acquire('c')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', max: 1 });
    await clocked.seat(suspended, 'a');
    expect((await createdLater.acquire('a')).body.code).toBe('LICENSE_SUSPENDED');

    clocked.moveClock(HOUR_MS);
    expect((await sweep()).reconciled).toMatchObject({ copies: 3, copies_removed: 1 });
    expect((await createdLater.acquire('a')).body.code).toBe('CREDENTIALS_INVALID');
    expect((await sweep()).reconciled).toBeNull();
  });

  test('a change before that sweep applies from the sweep on, and later changes apply at once', async () => {
    const license = await suite.createLicense({ max: 1 });
    snapshot();
    for (const max of [5, 6, 7]) await change(license, { max });
    await restore(2);
    await change(license, { max: 2 });
    for (const machine of ['a', 'b', 'c']) await clocked.seat(license, machine);
    await sweep();
    expect((await license.acquire('d')).body).toMatchObject({ code: 'SEATS_EXHAUSTED', active: 2, max: 2 });
    await change(license, { max: 3 });
    await clocked.seat(license, 'd');
  });

  test('holders keep their seats; sessions that ended since are closed within two hours, and sessions that began since are recorded when they end', async () => {
    const license = await suite.createLicense({ max: 3, ttl_seconds: 4 * 3_600 });
    const [held, ended] = [await clocked.seat(license, 'held'), await clocked.seat(license, 'ended')];
    await suite.settle();
    snapshot();
    await license.release(ended.id);
    const started = await clocked.seat(license, 'started');
    await restore(2);

    await sweep();
    for (const { id } of [held, started]) {
      const beat = await license.heartbeat({ session_id: id });
      expect(beat.body).toMatchObject({ status: 'heartbeat_acknowledged' });
      expect(beat.body).not.toHaveProperty('revived');
    }
    clocked.moveClock(HOUR_MS);
    await sweep();
    await license.release(started.id);
    await suite.settle();
    const histories = await historiesOf(suite.deps.records, license.licenseId);
    const historyOf = ({ id }: { id: string }) => histories.find(({ sessionId }) => sessionId === id);
    expect(historyOf(held)).toMatchObject({ isOpen: true });
    expect(historyOf(ended)).toMatchObject({ isOpen: false, endReason: 'lost' });
    expect(historyOf(started)).toMatchObject({ endReason: 'released', seatedMs: 3 * HOUR_MS });
    // Its start was recorded after the copy, and is lost.
    const story = await storyOf(suite.deps.records, license.licenseId);
    expect(story).toContain(`session.released ${started.id}`);
    expect(story).not.toContain(`session.acquired ${started.id}`);
  });

  test('a borrowed seat that was returned within the last hour is not held again', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const { session_id } = (await license.acquire('laptop', { borrow_days: 7 })).body;
    await suite.settle();
    snapshot();
    clocked.moveClock(HOUR_MS / 2);
    await license.release(session_id);
    await restore(0.6);
    expect((await sweep()).reconciled).toMatchObject({ loans_restored: 0 });
    await clocked.seat(license, 'desk');
  });

  test('a borrowed seat that was returned longer ago is held again, until it is returned once more', async () => {
    const license = await suite.createLicense({ max: 1, borrow: { max_days: 7 } });
    const { session_id } = (await license.acquire('laptop', { borrow_days: 7 })).body;
    await suite.settle();
    snapshot();
    await license.release(session_id);
    await restore(2);
    await sweep();
    expect((await license.acquire('desk')).body.code).toBe('SEATS_EXHAUSTED');
    await license.release(session_id);
    clocked.moveClock(2 * HOUR_MS);
    await sweep();
    await clocked.seat(license, 'desk');
  });
});
