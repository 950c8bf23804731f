import acquire from '../../functions/acquire/contract.ts';
import { poolKey } from '../../shared/adapters/seats/lua/keys.ts';
import type { Engine } from '../redis-option.ts';
import { type Effort, howMany } from './effort.ts';
import { drive, errorsOf, type Turn } from './load.ts';
import type { Report } from './report.ts';
import { fillAndEmpty, SEAT_VERBS, type SeatUrls, seatRequests, sessionOf } from './seat-requests.ts';
import { openStage, type Stage } from './stage.ts';

const CLIENTS = 1_000;
const SEATS = 100;
const TURNS = 20_000;
const LARGE_SEATS = 20_000;
const LARGE_CLIENTS = 128;
const [GRANTED, FULL] = [201, 409];
/** How often the pool is counted in Redis while clients compete for it. */
const SAMPLE_EVERY_MS = 5;

/** Far more clients than seats; then a large pool that many clients fill and empty at once. */
export async function benchContention(effort: Effort, engine: Engine): Promise<Report> {
  const stage = await openStage(engine);
  try {
    const urls = await stage.startBundled(await stage.bundle(SEAT_VERBS));
    const fight = await fightForSeats(stage, urls, howMany(effort, TURNS));
    const seats = howMany(effort, LARGE_SEATS);
    const { key } = await stage.reset(seats);
    const machines = Array.from({ length: seats }, (_, n) => `machine-${n}`);
    const large = await fillAndEmpty(seatRequests(urls, key), machines, LARGE_CLIENTS);
    return {
      title: 'Contention',
      meaning: MEANING,
      tables: [
        {
          columns: ['1,000 clients, 100 seats', 'count'],
          rows: [
            ['requested', fight.granted + fight.refused],
            ['granted', fight.granted],
            ['refused because the pool was full', fight.refused],
            ['most seats held at once, counted by clients', fight.mostHeld],
            ['most leases at once, counted in Redis', fight.mostLeases],
            ['counts taken in Redis', fight.samples],
            ['seats still taken at the end', fight.left],
            ['errors', fight.errors],
          ],
        },
        {
          columns: ['20,000 seats, 128 clients', 'requests/s', 'p50 ms', 'p99 ms', 'errors'],
          rows: [...large].map(([verb, { perSecond, p50Ms, p99Ms, errors }]) => [
            verb,
            perSecond,
            p50Ms,
            p99Ms,
            errors,
          ]),
        },
      ],
      goals: [
        {
          what: 'seats granted beyond the limit',
          reached: Math.max(0, Math.max(fight.mostHeld, fight.mostLeases) - SEATS),
          bound: { atMost: 0 },
        },
        { what: 'seats still taken at the end', reached: fight.left, bound: { atMost: 0 } },
        { what: 'errors, 1,000 clients on 100 seats', reached: fight.errors, bound: { atMost: 0 } },
        {
          what: 'errors, 128 clients on 20,000 seats',
          reached: errorsOf(large.values()),
          bound: { atMost: 0 },
        },
      ],
    };
  } finally {
    await stage.close();
  }
}

async function fightForSeats(stage: Stage, urls: SeatUrls, turns: number) {
  const { licenseId, key } = await stage.reset(SEATS);
  const asks = seatRequests(urls, key);
  let [granted, refused, held, mostHeld, mostLeases, samples, left] = [0, 0, 0, 0, 0, 0, turns];
  function* turn(machine: string): Turn {
    const answer = yield asks.acquire(machine, [GRANTED, FULL]);
    if (answer?.status === FULL) refused += 1;
    if (answer?.status !== GRANTED) return;
    granted += 1;
    // Counted from the response to the release request, so at least this many seats are held.
    held += 1;
    mostHeld = Math.max(mostHeld, held);
    const session = sessionOf(answer);
    yield asks.heartbeat(session);
    held -= 1;
    yield asks.release(session);
  }
  let hasEnded = false;
  const watching = (async () => {
    while (!hasEnded) {
      mostLeases = Math.max(mostLeases, await leasesOf(stage, licenseId));
      samples += 1;
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    }
  })();
  const measured = await drive({
    clients: CLIENTS,
    atOnce: acquire.concurrency,
    nextTurn: (client) => {
      left -= 1;
      return left < 0 ? undefined : turn(`machine-${client}`);
    },
  });
  hasEnded = true;
  await watching;
  return {
    granted,
    refused,
    mostHeld,
    mostLeases,
    samples,
    left: await leasesOf(stage, licenseId),
    errors: errorsOf(measured.values()),
  };
}

async function leasesOf({ redis }: Stage, licenseId: string): Promise<number> {
  return Number(await redis.command(['ZCARD', poolKey('seats', licenseId)]));
}

const MEANING = `First, 1,000 clients, each with its own connections, repeatedly acquire one of 100 seats; a client that
gets a seat sends a heartbeat and releases it. As in Cloud Run, an instance gets at most as many concurrent requests as
its contract allows (${acquire.concurrency}); the others wait. Seats are counted twice: by the clients, from the
response that grants a seat to its release request, and in Redis. Neither count may exceed 100, and no seat may be taken
at the end. Then 128 clients fill a pool of 20,000 seats, send a heartbeat for each and release each.`;
