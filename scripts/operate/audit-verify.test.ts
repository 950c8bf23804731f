import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { type AuditEvent, emptyChain, sealEvents, unsealed } from '../../shared/domain/audit-chain.ts';
import { newLicenseId, newTenantId } from '../../shared/domain/ids.ts';
import { newTenant } from '../../shared/domain/users.ts';
import { openSqliteRecords } from '../../shared/local/sqlite-records.ts';
import { AUDIT, CHAIN_HEADS, TENANTS } from '../../shared/ports/collections.ts';
import type { Records } from '../../shared/ports/records.ts';
import { event, TENANT } from '../../shared/testing/seats/events.ts';
import { verifyChain } from '../../shared/use-cases/verify-chain.ts';
import { runOperate } from './run.ts';

/** More than one page of records. */
const LENGTH = 205;
const AUDIT_AS_IS = { name: AUDIT.name, schema: z.record(z.string(), z.unknown()) };
const HEADS_AS_IS = { name: CHAIN_HEADS.name, schema: z.record(z.string(), z.unknown()) };

let folder: string;
let records: Records;
let events: AuditEvent[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'seatlease-admin-'));
  records = openSqliteRecords(join(folder, 'records.db'));
  events = await writeChain(records, LENGTH);
});
afterEach(async () => {
  await records.close();
  await rm(folder, { recursive: true });
});

function recorded(n: number, tenantId = TENANT): AuditEvent {
  const detail = { active: n, max: 9 };
  const published = event({ type: 'session.acquired', tenantId, atMs: 1000 + n, position: `1-${n}`, detail });
  return unsealed(published, 5000 + n);
}

async function writeChain(to: Records, length: number): Promise<AuditEvent[]> {
  const fresh = Array.from({ length }, (_, n) => recorded(n));
  const sealed = sealEvents(emptyChain(TENANT), fresh);
  await to.transact(async (transaction) => {
    transaction.set(TENANTS, TENANT, newTenant(TENANT, 'Ada', null, 1));
    for (const each of sealed.events) transaction.set(AUDIT, each.eventId, each);
    transaction.set(CHAIN_HEADS, TENANT, sealed.head);
  });
  return sealed.events;
}

const write = (document: Record<string, unknown> & { eventId: string }): Promise<void> =>
  records.transact(async (transaction) => transaction.set(AUDIT_AS_IS, document.eventId, document));

const remove = (eventId: string): Promise<void> =>
  records.transact(async (transaction) => transaction.delete(AUDIT, eventId));

/** The event at a position of the chain, 1 to `LENGTH`. */
function at(seq: number): AuditEvent {
  const found = events[seq - 1];
  if (!found) expect.fail(`no event ${seq}`);
  return found;
}

function resealed(changed: AuditEvent): AuditEvent {
  const { seq, previousHash } = changed.link ?? { seq: 1, previousHash: '' };
  const [sealed] = sealEvents({ tenantId: TENANT, seq: seq - 1, hash: previousHash }, [changed]).events;
  return sealed ?? changed;
}

interface Run {
  readonly code: number;
  readonly printed: string;
  readonly errors: string;
}

async function operate(...args: string[]): Promise<Run> {
  const printed: string[] = [];
  const errors: string[] = [];
  const output = {
    print: (text: string) => void printed.push(text),
    printError: (text: string) => void errors.push(text),
  };
  const code = await runOperate(args, { SEATLEASE_DATA: folder }, output);
  return { code, printed: printed.join('\n'), errors: errors.join('\n') };
}

const verify = (...more: string[]): Promise<Run> => operate('audit', 'verify', '--tenant', TENANT, ...more);

/** The kinds and positions of the problems found; the command must have exited with 1. */
async function found(): Promise<string[]> {
  const { code, printed } = await verify('--json');
  const report = JSON.parse(printed);
  expect([code, report.whole]).toEqual([1, false]);
  return report.problems.map(({ kind, seq }: { kind: string; seq: number }) => `${kind} ${seq}`);
}

describe('audit verify', () => {
  test('reports an unchanged chain as valid, and exits with 0', async () => {
    await write(recorded(900));
    await write(recorded(901, newTenantId(16)));
    const { code, printed, errors } = await verify();
    expect([code, errors]).toEqual([0, '']);
    expect(printed).toContain(`${TENANT}: valid.`);
    expect(printed).toMatch(/sealed events +205\n +not yet sealed +1\n/);
    expect(printed).toContain(at(LENGTH).link?.hash);
  });

  test('reports the same as JSON', async () => {
    const { code, printed } = await verify('--json');
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toEqual({
      tenant_id: TENANT,
      whole: true,
      sealed: LENGTH,
      unsealed: 0,
      head: { seq: LENGTH, hash: at(LENGTH).link?.hash },
      problems: [],
    });
  });

  test.each([
    [1, 1],
    [100, 100],
    [101, 101],
    [LENGTH, LENGTH],
  ])('finds event %i removed', async (seq, first) => {
    await remove(at(seq).eventId);
    expect(await found()).toEqual([`REMOVED ${first}`]);
  });

  test('finds that the head and all events were removed if only the tenant is left', async () => {
    for (const { eventId } of events) await remove(eventId);
    expect(await found()).toEqual(['REMOVED 1']);
  });

  test.each([1, 100, 101, LENGTH])('finds and names event %i if it was changed', async (seq) => {
    await write({ ...at(seq), detail: { active: 999, max: 9 } });
    const { code, printed } = await verify();
    expect(code).toBe(1);
    expect(printed).toContain('1 problem found');
    expect(printed).toContain(`CHANGED  at ${seq}: ${at(seq).eventId}: does not match its hash`);
  });

  test.each([1, 100, LENGTH])(
    'finds event %i if it was replaced by another with its own hash',
    async (seq) => {
      await write(resealed({ ...at(seq), detail: { active: 999, max: 9 } }));
      expect(await found()).toEqual([`CHANGED ${Math.min(seq + 1, LENGTH)}`]);
    },
  );

  test('finds an event inserted beside another, after the end and before the beginning', async () => {
    await write(resealed({ ...recorded(900), link: at(100).link }));
    expect(await found()).not.toEqual([]);
    await remove(recorded(900).eventId);
    const end = at(LENGTH).link;
    if (!end) expect.fail('the last event is sealed');
    const behind = sealEvents({ tenantId: TENANT, seq: end.seq, hash: end.hash }, [recorded(901)]).events;
    for (const each of behind) await write(each);
    expect(await found()).toEqual([`INSERTED ${LENGTH + 1}`]);
    await remove(recorded(901).eventId);
    for (const each of sealEvents({ tenantId: TENANT, seq: -1, hash: '' }, [recorded(902)]).events)
      await write(each);
    expect(await found()).toEqual(['INSERTED 0']);
  });

  test('finds an event that was inserted as already sealed', async () => {
    await write({ ...recorded(903), sealed: true });
    expect(await found()).toEqual(['INSERTED 0']);
  });

  test('finds an event that cannot be read, without printing its content', async () => {
    await write({ ...at(50), type: 'ada@example.com' });
    expect(await found()).toContain('CHANGED 50');
    const { printed } = await verify();
    expect(printed).toContain('cannot be read as an event (type)');
    expect(printed).not.toContain('ada@');
  });

  test('finds an event and a head that were given a version that this release does not read', async () => {
    await records.transact(async (transaction) => {
      transaction.set({ ...AUDIT_AS_IS, versions: [7] }, at(50).eventId, { ...at(50) });
    });
    expect(await found()).toContain('CHANGED 50');
    expect((await verify()).printed).toContain(`${at(50).eventId}: cannot be read as an event (v)`);
    await write({ ...at(50) });
    await records.transact(async (transaction) => {
      const head = await transaction.get(CHAIN_HEADS, TENANT);
      transaction.set({ ...HEADS_AS_IS, versions: [7] }, TENANT, { ...head });
    });
    expect(await found()).toEqual([`CHANGED ${LENGTH}`]);
  });

  test.each([
    ['gone', undefined, 'INSERTED'],
    ['of a shorter chain', { tenantId: TENANT, seq: 7, hash: 'x' }, 'INSERTED'],
    ['of a longer chain', { tenantId: TENANT, seq: LENGTH + 1, hash: 'x' }, 'REMOVED'],
    ['of another chain', { tenantId: TENANT, seq: LENGTH, hash: 'x' }, 'CHANGED'],
    ['no head any more', { tenantId: TENANT, seq: 'x' }, 'CHANGED'],
  ])('finds a head that is %s', async (_, head, kind) => {
    await records.transact(async (transaction) => {
      if (head) transaction.set(HEADS_AS_IS, TENANT, head);
      else transaction.delete(CHAIN_HEADS, TENANT);
    });
    expect((await found()).map((problem) => problem.split(' ')[0])).toEqual([kind]);
  });

  test('lists every problem, not only the first', async () => {
    await write({ ...at(3), atMs: 1 });
    await remove(at(120).eventId);
    await write({ ...at(200), recordedAtMs: 1 });
    expect(await found()).toEqual(['CHANGED 3', 'REMOVED 120', 'CHANGED 200']);
  });

  test('accepts events that are sealed while it reads', async () => {
    let sweeps = 0;
    const busy: Records = {
      ...bound(records),
      async query(query, equals, page) {
        const read = await records.query(query, equals, page);
        const isLastPage = read.nextCursor === undefined;
        if (isLastPage && query.name === 'chain-of-tenant' && sweeps < 3) await sealOneMore(1000 + sweeps++);
        return read;
      },
    };
    const report = await verifyChain(busy, TENANT);
    expect(report).toMatchObject({ sealed: LENGTH + 3, problems: [], head: { seq: LENGTH + 3 } });
  });

  test('exits with 2 for an unknown tenant', async () => {
    const unknown = newTenantId(16);
    const { code, printed, errors } = await operate('audit', 'verify', '--tenant', unknown);
    expect([code, printed]).toEqual([2, '']);
    expect(errors).toContain(`Tenant ${unknown} does not exist.`);
  });

  test('reports no problem for a tenant without events', async () => {
    const tenantId = newTenantId(16);
    await records.create(TENANTS, tenantId, newTenant(tenantId, 'New', null, 1));
    const { code, printed } = await operate('audit', 'verify', '--tenant', tenantId);
    expect([code, printed.split('\n')[0]]).toEqual([0, `The audit chain of ${tenantId}: valid.`]);
  });

  test('still verifies a tenant whose own record was removed', async () => {
    await records.transact(async (transaction) => transaction.delete(TENANTS, TENANT));
    expect((await verify()).code).toBe(0);
  });
});

test.each([
  [],
  ['audit'],
  ['audit', 'verify'],
  ['audit', 'verify', '--tenant'],
  ['audit', 'verify', '--tenant', 'ada'],
  ['audit', 'verify', '--tenant', newLicenseId(TENANT)],
  ['audit', 'verify', '--tenant', TENANT, '--force'],
  ['audit', 'verify', 'now', '--tenant', TENANT],
  ['audit', 'erase', '--tenant', TENANT],
])('prints its usage or commands and exits with 2 for %s %s %s %s', async (...args) => {
  const { code, printed, errors } = await operate(...args);
  expect([code, printed]).toEqual([2, '']);
  expect(errors).toMatch(/Usage: npm run operate|^Unknown command .* Commands: audit verify\.$/);
});

test('names the problems of an unusable environment without showing a secret, and exits with 2', async () => {
  const errors: string[] = [];
  const output = { print: () => {}, printError: (text: string) => void errors.push(text) };
  const environment = { SEATLEASE_DATA: folder, SHARDS: 'many', OPERATOR_KEY: 'short-and-secret' };
  const code = await runOperate(['audit', 'verify', '--tenant', TENANT], environment, output);
  expect(code).toBe(2);
  expect(errors.join('\n')).toContain('SHARDS: needs a whole number');
  expect(errors.join('\n')).not.toContain('short-and-secret');
});

test('as a program, prints its report and exits with the documented code', async () => {
  const script = fileURLToPath(new URL('../operate.ts', import.meta.url));
  const command = (tenant: string) =>
    promisify(execFile)(process.execPath, [script, 'audit', 'verify', '--tenant', tenant, '--json'], {
      env: { PATH: process.env.PATH, SEATLEASE_DATA: folder },
    });
  expect(JSON.parse((await command(TENANT)).stdout)).toMatchObject({ whole: true });
  await remove(at(1).eventId);
  await expect(command(TENANT)).rejects.toMatchObject({ code: 1, stderr: '' });
  await expect(command('ada')).rejects.toMatchObject({ code: 2, stdout: '' });
});

/** The store as an object that can be spread. */
function bound(store: Records): Records {
  return {
    get: (collection, id) => store.get(collection, id),
    create: (collection, id, document) => store.create(collection, id, document),
    query: (query, equals, page) => store.query(query, equals, page),
    transact: (work) => store.transact(work),
    ping: () => store.ping(),
    close: () => store.close(),
  };
}

function sealOneMore(n: number): Promise<void> {
  return records.transact(async (transaction) => {
    const head = (await transaction.get(CHAIN_HEADS, TENANT)) ?? emptyChain(TENANT);
    const sealed = sealEvents(head, [recorded(n)]);
    for (const each of sealed.events) transaction.set(AUDIT, each.eventId, each);
    transaction.set(CHAIN_HEADS, TENANT, sealed.head);
  });
}
