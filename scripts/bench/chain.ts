import handler from '../../functions/record-event/handler.ts';
import { openFirestoreRecords } from '../../shared/adapters/records/firestore-records.ts';
import { system } from '../../shared/domain/actor.ts';
import { emptyChain, sealEvents, unsealed } from '../../shared/domain/audit-chain.ts';
import { eventOf, type SeatEvent } from '../../shared/domain/event.ts';
import { messageOf } from '../../shared/domain/event-message.ts';
import { newLicenseId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';
import { openSqliteRecords } from '../../shared/local/sqlite-records.ts';
import { AUDIT, CHAIN_HEADS } from '../../shared/ports/collections.ts';
import type { Deps } from '../../shared/ports/deps.ts';
import type { Records } from '../../shared/ports/records.ts';
import { startFirestoreEmulator } from '../../shared/testing/servers/firestore-emulator.ts';
import { type Effort, howMany } from './effort.ts';
import { figureOf, ratioOf } from './figure.ts';
import type { Cell, Report } from './report.ts';

const LICENSES_AT_A_TIME = 8;
const EVENTS_OF_EACH = 5;
const REPEATS = 5;

/**
 * Cost of linking each event to its tenant's chain when it is recorded, compared with sealing later in batches. All
 * events are of one tenant; those of one license come one after the other, as Pub/Sub delivers them.
 */
export async function benchChain(effort: Effort): Promise<Report> {
  // Otherwise Google's client looks for a metadata server first.
  process.env.METADATA_SERVER_DETECTION ??= 'none';
  const emulator = await startFirestoreEmulator();
  const stores: [string, Records][] = [
    ['SQLite', openSqliteRecords(':memory:')],
    [
      'Firestore emulator',
      openFirestoreRecords({ projectId: emulator.projectId, emulatorHost: emulator.host }),
    ],
  ];
  const rows: Cell[][] = [];
  try {
    for (const [name, records] of stores) {
      const [sealedLater, linkedAtOnce]: [number[], number[]] = [[], []];
      let failures = 0;
      for (let repeat = 0; repeat < howMany(effort, REPEATS); repeat += 1) {
        sealedLater.push(await timed((event) => recordAsShipped(records, event)));
        const linking = await timed((event) =>
          recordLinked(records, event).catch(() => {
            failures += 1;
          }),
        );
        linkedAtOnce.push(linking);
      }
      rows.push([
        name,
        figureOf(sealedLater),
        figureOf(linkedAtOnce),
        ratioOf(linkedAtOnce, sealedLater),
        failures,
      ]);
    }
  } finally {
    for (const [, records] of stores) await records.close();
    await emulator.stop();
  }
  return {
    title: 'Audit chain',
    meaning: MEANING,
    tables: [
      {
        columns: ['records', 'sealed later, ms', 'linked at once, ms', 'ratio', 'failures when linked'],
        rows,
      },
    ],
    goals: [],
  };
}

async function timed(record: (event: SeatEvent) => Promise<unknown>): Promise<number> {
  const tenantId = newTenantId(16);
  const startedMs = performance.now();
  const license = async (): Promise<void> => {
    const licenseId = newLicenseId(tenantId);
    for (let n = 0; n < EVENTS_OF_EACH; n += 1) {
      const atMs = Date.now();
      const common = {
        tenantId,
        licenseId,
        sessionId: newSessionId(licenseId),
        atMs,
        position: `${atMs}-${n}`,
        actor: system('seats'),
      };
      const detail = { holder: 'holder', acquiredAtMs: atMs, active: n + 1, max: EVENTS_OF_EACH };
      await record(eventOf({ type: 'session.acquired', ...common, detail }));
    }
  };
  await Promise.all(Array.from({ length: LICENSES_AT_A_TIME }, license));
  return performance.now() - startedMs;
}

function recordAsShipped(records: Records, event: SeatEvent): Promise<unknown> {
  const deps = { records, clock: { nowMs: () => Date.now() } };
  const message = { data: messageOf(event).data.toString('base64'), messageId: '1' };
  return handler.record(
    {
      body: { message, subscription: 's' },
      params: undefined,
      query: undefined,
      caller: { kind: 'pubsub' },
      by: { actor: system('record-event') },
      standing: () => 'STRANGER',
      idempotencyKey: undefined,
      cookie: undefined,
      note: () => {},
    },
    // The handler uses no other dependency.
    deps as Deps,
  );
}

/** The minimum of linking at once: the chain head and the event, without histories and usage. */
function recordLinked(records: Records, event: SeatEvent): Promise<void> {
  return records.transact(async (transaction) => {
    const head = (await transaction.get(CHAIN_HEADS, event.tenantId)) ?? emptyChain(event.tenantId);
    if (await transaction.get(AUDIT, event.eventId)) return;
    const sealed = sealEvents(head, [unsealed(event, Date.now())]);
    for (const each of sealed.events) transaction.set(AUDIT, each.eventId, each);
    transaction.set(CHAIN_HEADS, event.tenantId, sealed.head);
  });
}

const MEANING = `Why the sweep links events to their tenant's chain in batches, and recording does not:
${LICENSES_AT_A_TIME * EVENTS_OF_EACH} events of ${LICENSES_AT_A_TIME} licenses of one tenant are recorded as we do it,
and with the chain in the same transaction.`;
