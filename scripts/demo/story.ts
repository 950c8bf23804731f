import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { DemoServer, Say } from './server.ts';

const SEATS = 3;
/** The shortest that a license can have, so that the user sees a crashed machine's seat become free. */
const TTL_SECONDS = 10;
const HEARTBEAT_MS = 3_000;

const Granted = z.object({ session_id: z.string() });
const Refused = z.object({ code: z.string(), retry_after: z.int() });
const NewLicense = z.object({ license_id: z.string(), license_key: z.string() });
const SessionList = z.object({
  seats: z.object({ active: z.int(), max: z.int() }),
  sessions: z.array(z.object({ hostname: z.nullable(z.string()), expires_at: z.string() })),
});

/** Five machines share three seats, and one crashes. Each step is passed to `say`. */
export async function playStory({ url, operatorKey }: DemoServer, say: Say): Promise<void> {
  const call = async (method: string, path: string, authorization: string, body?: unknown) => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? (JSON.parse(text) as unknown) : undefined };
  };
  const operator = `Operator ${operatorKey}`;
  const created = await call('POST', 'licenses', operator, { max: SEATS, ttl_seconds: TTL_SECONDS });
  const { license_id, license_key } = z.parse(NewLicense, created.body);
  const license = `License ${license_key}`;
  say('vendor', `sells ${SEATS} seats; a lease ends ${TTL_SECONDS} s after the last heartbeat`);

  const sessions = new Map<string, string>();
  const acquire = async (machine: string): Promise<number | undefined> => {
    const { status, body } = await call('POST', 'licenses/acquire', license, {
      fingerprint: machine,
      hostname: machine,
    });
    if (status === 409) {
      const { code, retry_after } = z.parse(Refused, body);
      say(machine, `is refused: ${code}, try again in ${retry_after} s`);
      return retry_after;
    }
    sessions.set(machine, z.parse(Granted, body).session_id);
    say(machine, 'gets a seat');
    return undefined;
  };
  const beat = async (machine: string): Promise<void> => {
    const { status } = await call('PUT', 'licenses/heartbeat', license, {
      session_id: sessions.get(machine),
    });
    say(
      machine,
      status === 200
        ? 'sends a heartbeat and keeps its seat'
        : 'sends its heartbeat too late: its seat was given away',
    );
  };
  const release = async (machine: string): Promise<void> => {
    await call('POST', 'licenses/release', license, { session_id: sessions.get(machine) });
    say(machine, 'quits and releases its seat');
  };
  const showSeats = async (): Promise<void> => {
    const { body } = await call('GET', `sessions?license_id=${license_id}`, operator);
    const { seats, sessions: held } = z.parse(SessionList, body);
    const holders = held.map(({ hostname }) => hostname).sort();
    say('operator', `sees ${seats.active} of ${seats.max} seats taken: ${holders.join(', ') || 'none'}`);
  };

  for (const machine of ['anna', 'ben', 'carla']) await acquire(machine);
  const waitSeconds = await acquire('dora');
  await acquire('emil');
  await showSeats();

  say('carla', 'crashes: no release, no more heartbeats');
  const comesBackMs = performance.now() + (waitSeconds ?? TTL_SECONDS) * 1000;
  while (performance.now() < comesBackMs) {
    await sleep(Math.min(HEARTBEAT_MS, Math.max(0, comesBackMs - performance.now())));
    await Promise.all([beat('anna'), beat('ben')]);
  }
  // `retry_after` is the end of Anna's lease, the first to end; Carla's ends a few milliseconds later.
  while ((await acquire('dora')) !== undefined) await sleep(250);
  await beat('carla');
  await release('ben');
  await acquire('emil');
  await showSeats();

  for (const machine of ['anna', 'dora', 'emil']) await release(machine);
  await showSeats();
}
