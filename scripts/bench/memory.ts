import { shardKey } from '../../shared/adapters/seats/lua/keys.ts';
import { newSessionId, newTenantId, shardOf } from '../../shared/domain/ids.ts';
import { putNewLicense } from '../../shared/testing/seats/put-license.ts';
import { type Effort, howMany } from './effort.ts';
import { memoryOf } from './redis-cost.ts';
import { acquireSeat, holderOf, openRedisStore } from './redis-store.ts';
import type { Report } from './report.ts';

const SESSIONS = 20_000;
const SESSIONS_A_LICENSE = [1, 10, 100, 1_000, 10_000];
/** In smaller pools the license's own keys take most of the memory, so they have no goal. */
const FEWEST_HELD_TO_THE_GOAL = 10;

/** Redis memory of sessions that hold a seat, after their events are published. */
export async function benchMemory(effort: Effort): Promise<Report> {
  const measured = [];
  for (const sessionsALicense of SESSIONS_A_LICENSE) {
    const sessions = howMany(effort, SESSIONS);
    const pairs = sessionsALicense > 1 ? await bytesOf(sessionsALicense, sessions, 2) : undefined;
    measured.push({ ...(await bytesOf(sessionsALicense, sessions, 1)), pairedBytes: pairs?.sessionBytes });
  }
  return {
    title: 'Memory',
    meaning: MEANING,
    tables: [
      {
        columns: [
          'sessions per license',
          'bytes per session',
          'including the license’s terms',
          'bytes per session, two a seat',
        ],
        rows: measured.map(({ sessionsALicense, sessionBytes, allBytes, pairedBytes }) => [
          sessionsALicense.toLocaleString('en'),
          sessionBytes,
          allBytes,
          pairedBytes ?? '',
        ]),
      },
    ],
    goals: measured
      .filter(({ sessionsALicense }) => sessionsALicense >= FEWEST_HELD_TO_THE_GOAL)
      .map(({ sessionsALicense, sessionBytes }) => ({
        what: `bytes per session at ${sessionsALicense.toLocaleString('en')} per license`,
        reached: sessionBytes,
        bound: { atMost: 400 },
      })),
  };
}

async function bytesOf(sessionsALicense: number, sessions: number, sessionsASeat: number) {
  const { redis, seats, close } = await openRedisStore();
  try {
    const tenantId = newTenantId(16);
    const { licenseId: other } = await putNewLicense(seats, { max: 1 });
    // Loads the scripts before memory is measured.
    await acquireSeat(seats, other, newSessionId(other));
    const emptyBytes = await memoryOf(redis);
    const licenseIds: string[] = [];
    for (let n = 0; n < sessions / sessionsALicense; n += 1)
      licenseIds.push((await putNewLicense(seats, { max: sessionsALicense }, tenantId)).licenseId);
    const licensedBytes = await memoryOf(redis);
    const count = licenseIds.length * sessionsALicense;
    for (const licenseId of licenseIds)
      for (let n = 0; n < sessionsALicense; n += sessionsASeat) {
        const first = newSessionId(licenseId);
        await acquireSeat(seats, licenseId, first);
        for (let other = 1; other < sessionsASeat; other += 1)
          await acquireSeat(seats, licenseId, newSessionId(licenseId), holderOf(first));
      }
    await redis.command(['DEL', shardKey('outbox', shardOf(tenantId))]);
    const seatedBytes = await memoryOf(redis);
    return {
      sessionsALicense,
      sessionBytes: Math.round((seatedBytes - licensedBytes) / count),
      allBytes: Math.round((seatedBytes - emptyBytes) / count),
    };
  } finally {
    await close();
  }
}

const MEANING = `Growth of \`used_memory\` by ${SESSIONS.toLocaleString('en')} sessions, acquired one by one, after
their events are published. It includes the lease, holder and facts of a session and its share of the license's keys.
Each session sends a fingerprint as long as our SDK's, a host name of 16 characters and a version. A machine runs one
program, or two that share its seat. Redis stores up to 128 seats and 512 entries of sessions and their holders of a
license in a more compact form, so a session in a larger pool takes more.`;
