import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { Random } from '../../shared/testing/random.ts';
import { type Request, type RequestLog, sendRequest } from './requests.ts';

export interface ClientOptions {
  readonly name: string;
  /** Its fingerprint. */
  readonly machine: string;
  readonly phase: Request['phase'];
  readonly license: { readonly licenseId: string; readonly key: string };
  /** Port of the functions. */
  readonly port: number;
  readonly log: RequestLog;
}

/** A seat as its client knows it. */
export interface Seat {
  readonly sessionId: string;
  readonly token: string;
  readonly expiresAtMs: number;
  readonly ttlMs: number;
}

/** `seat` is set only if the response confirms a lease. */
interface Answer {
  readonly status: number | null;
  readonly seat?: Seat;
}

/** One request each, logged with its outcome. */
export interface ClientCalls {
  /** `instanceId` names a start of the program: the same in every repeat. */
  acquire(instanceId: string): Promise<Answer>;
  heartbeat(seat: Seat): Promise<Answer>;
  release(seat: Seat): Promise<Answer>;
}

/** Longer than the functions wait for Redis. A request that times out may still be carried out. */
const TIMEOUT_MS = 3_000;

const Granted = z.object({
  session_id: z.string(),
  session_token: z.string(),
  expires_at: z.iso.datetime(),
  ttl: z.int(),
});
const Extended = z.object({
  session_token: z.string(),
  expires_at: z.iso.datetime(),
  ttl_extended_to: z.int(),
  revived: z.optional(z.literal(true)),
});

const Refused = z.object({ code: z.string(), ended: z.optional(z.string()) });

export function clientCalls({ name, machine, phase, license, port, log }: ClientOptions): ClientCalls {
  const authorization = `License ${license.key}`;

  async function send(
    op: Request['op'],
    [method, path]: readonly [string, string],
    body: object,
    session: { sessionId?: string },
    read: (body: unknown) => { seat: Seat; revived: boolean } | undefined,
  ): Promise<Answer> {
    const sentMs = Date.now();
    const outcome = await sendRequest({
      port,
      method,
      path: `/api/v1/licenses/${path}`,
      authorization,
      body,
      timeoutMs: TIMEOUT_MS,
    });
    const { status } = outcome;
    const confirmed = status === 200 || status === 201 ? read(outcome.body) : undefined;
    log.write({
      ...{ client: name, machine, licenseId: license.licenseId, op, phase, sentMs, endedMs: Date.now() },
      ...session,
      status,
      ...(outcome.status === null ? { lost: outcome.lost } : z.safeParse(Refused, outcome.body).data),
      ...(confirmed && {
        sessionId: confirmed.seat.sessionId,
        expiresAtMs: confirmed.seat.expiresAtMs,
        ttlMs: confirmed.seat.ttlMs,
        revived: confirmed.revived,
      }),
    });
    return confirmed ? { status, seat: confirmed.seat } : { status };
  }

  return {
    acquire(instanceId) {
      const program = { fingerprint: machine, instance_id: instanceId };
      return send('acquire', ['POST', 'acquire'], program, {}, (body) => {
        const { session_id: sessionId, session_token: token, expires_at, ttl } = z.parse(Granted, body);
        const seat = { sessionId, token, expiresAtMs: Date.parse(expires_at), ttlMs: ttl * 1000 };
        return { seat, revived: false };
      });
    },

    heartbeat({ sessionId, token }) {
      const session = { session_id: sessionId, session_token: token };
      return send('heartbeat', ['PUT', 'heartbeat'], session, { sessionId }, (body) => {
        const extended = z.parse(Extended, body);
        return {
          seat: {
            sessionId,
            token: extended.session_token,
            expiresAtMs: Date.parse(extended.expires_at),
            ttlMs: extended.ttl_extended_to * 1000,
          },
          revived: extended.revived === true,
        };
      });
    },

    release({ sessionId, token }) {
      const session = { session_id: sessionId, session_token: token };
      return send('release', ['POST', 'release'], session, { sessionId }, () => undefined);
    },
  };
}

/** How long a client retries a release after the end of the run. */
const RELEASE_WITHIN_MS = 10_000;

export interface ClientBehavior {
  /** Begins the instance ids of its starts. */
  readonly name: string;
  /** Ends everything except the release of a seat. */
  readonly stop: AbortSignal;
  readonly random: Random;
  /** What happens to a seat that is still held at the end. */
  readonly atTheEnd: 'release' | 'crash';
}

/**
 * Behaves like a program that is started again and again: it acquires a seat, keeps it for a while, and releases it,
 * crashes, or sleeps past its lease and revives it. Each start is a new instance. A request without a response is
 * retried as the same instance, which also acquires anew if its lease expired and could not be revived.
 */
export async function runClient(
  calls: ClientCalls,
  { name, stop, random, atTheEnd }: ClientBehavior,
): Promise<void> {
  const wait = (leastMs: number, mostMs: number): Promise<void> =>
    sleep(random.between(leastMs, mostMs), undefined, { signal: stop }).catch(() => undefined);

  async function takeSeat(instanceId: string): Promise<Seat | undefined> {
    while (!stop.aborted) {
      const { status, seat } = await calls.acquire(instanceId);
      if (seat) return seat;
      await (status === 409 ? wait(500, 1_500) : wait(300, 1_500));
    }
    return undefined;
  }

  /**
   * The seat after one more heartbeat; `undefined` if the session no longer exists, or the same seat if the run has
   * ended.
   */
  async function beat(seat: Seat, attempts: number): Promise<Seat | undefined> {
    for (let refusals = 0; !stop.aborted; ) {
      const answer = await calls.heartbeat(seat);
      if (answer.seat) return answer.seat;
      if (answer.status === 404) {
        refusals += 1;
        if (refusals >= attempts) return undefined;
      }
      await wait(300, 1_200);
    }
    return seat;
  }

  async function keepSeat(taken: Seat, forMs: number): Promise<Seat | undefined> {
    let seat: Seat | undefined = taken;
    const untilMs = Date.now() + forMs;
    while (seat && !stop.aborted && Date.now() < untilMs) {
      await wait(2_500, 3_500);
      seat = await beat(seat, 1);
    }
    return seat;
  }

  async function sleepThroughLease(seat: Seat): Promise<Seat | undefined> {
    const awakeMs = seat.expiresAtMs - Date.now() + 50;
    await wait(Math.max(0, awakeMs), Math.max(0, awakeMs) + 1_500);
    // A seat may become free soon, so 404 is retried.
    return beat(seat, 4);
  }

  /** Retries until the release is confirmed. */
  async function releaseSeat(seat: Seat): Promise<void> {
    let untilMs = Number.POSITIVE_INFINITY;
    while (Date.now() < untilMs) {
      const { status } = await calls.release(seat);
      if (status === 204) return;
      if (stop.aborted) untilMs = Math.min(untilMs, Date.now() + RELEASE_WITHIN_MS);
      await sleep(random.between(100, 500));
    }
  }

  await wait(0, 1_500);
  let starts = 0;
  for (let [isFirst, isLost] = [true, false]; !stop.aborted; isFirst = false) {
    const draw = random.next();
    if (!isLost) starts += 1;
    let seat = await takeSeat(`${name}#${starts}`);
    if (seat) seat = await keepSeat(seat, isFirst ? random.between(0, 6_000) : random.between(3_000, 25_000));
    if (seat && !stop.aborted && draw < 0.3) {
      seat = await sleepThroughLease(seat);
      if (seat) seat = await keepSeat(seat, random.between(1_000, 5_000));
    }
    isLost = seat === undefined;
    const crashes = stop.aborted ? atTheEnd === 'crash' : draw > 0.85;
    if (seat && !crashes) await releaseSeat(seat);
    // Some crashed machines return before their lease expires, and some after.
    await (crashes ? wait(500, 14_000) : wait(200, 3_000));
  }
}
