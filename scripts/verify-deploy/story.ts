import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, jwtVerify } from 'jose';
import * as z from 'zod/mini';
import { openApi } from '../../clients/admin/src/api.ts';
import type { Target } from '../../clients/admin/src/target.ts';
import audit from '../../functions/audit/contract.ts';
import health from '../../functions/health/contract.ts';
import licenses from '../../functions/licenses/contract.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import sessions from '../../functions/sessions/contract.ts';
import { isInternal } from '../../shared/http/callers.ts';

const SEATS = 2;
const AUDIT_POLL_MS = 3_000;
const CALL_TIMEOUT_MS = 30_000;

/** What an event log must hold after the story, and no more. */
const EXPECTED_EVENTS: Readonly<Record<string, number>> = { 'session.acquired': 3, 'session.released': 1 };

const Granted = z.object({ session_id: z.string(), seats: z.object({ active: z.int(), max: z.int() }) });
const Full = z.object({
  code: z.literal('SEATS_EXHAUSTED'),
  active: z.literal(SEATS),
  max: z.literal(SEATS),
});
const Beat = z.object({ status: z.literal('heartbeat_acknowledged') });
const Signed = z.object({ license_token: z.string() });
const KeySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())).check(z.minLength(1)) });

export interface Step {
  readonly name: string;
  run(): Promise<void>;
}

export interface StoryOptions {
  /** How long events may take from the seat store to the audit log: a sweep a minute, then Pub/Sub. */
  readonly auditWithinMs: number;
  /** Goes round a wait of that many milliseconds. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

/**
 * The main story of a deployed suite, step by step: what a vendor, its customers' machines and an auditor do. It makes
 * one license, in a tenant of its own, and suspends that in the end, whatever happened. A step that fails throws.
 */
export function story(target: Target, { auditWithinMs, wait = sleep }: StoryOptions): Step[] {
  const api = openApi(target);
  let license: { id: string; key: string } | undefined;
  const held: string[] = [];

  const known = () => {
    if (!license) throw new Error('there is no license');
    return license;
  };
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${target.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(license && { authorization: `License ${license.key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, text };
  };
  const expecting = async <T>(
    status: number,
    shape: z.ZodMiniType<T>,
    ...request: Parameters<typeof call>
  ): Promise<T> => {
    const reply = await call(...request);
    if (reply.status !== status)
      throw new Error(`${request[0]} ${request[1]} answered ${reply.status}, not ${status}: ${reply.text}`);
    return z.parse(shape, reply.text === '' ? undefined : JSON.parse(reply.text));
  };
  const acquire = (machine: string) =>
    ['POST', '/api/v1/licenses/acquire', { fingerprint: machine }] as const;

  return [
    {
      name: 'the suite is alive, and every part of it can serve',
      async run() {
        await expecting(200, z.unknown(), 'GET', '/health');
        const { status, parts } = await api.call(health, 'health', { query: { deep: '1' } });
        if (status !== 'ok') throw new Error(`not every part can serve: ${JSON.stringify(parts)}`);
      },
    },
    {
      name: 'what only the cloud may call is not open to strangers',
      async run() {
        const internal = MANIFEST.filter(isInternal).flatMap(({ endpoints }) => Object.values(endpoints));
        for (const { method, path } of internal) {
          const { status } = await call(method, path);
          if (status < 400 || status >= 500)
            throw new Error(`${method} ${path} answered a stranger with ${status}`);
        }
      },
    },
    {
      name: `a license of ${SEATS} seats is made`,
      async run() {
        const made = await api.call(licenses, 'create', { body: { max: SEATS } });
        license = { id: made.license_id, key: made.license_key };
      },
    },
    {
      name: `${SEATS} machines are seated, and one more is refused`,
      async run() {
        for (const machine of ['first', 'second'])
          held.push((await expecting(201, Granted, ...acquire(machine))).session_id);
        await expecting(409, Full, ...acquire('third'));
      },
    },
    {
      name: 'a heartbeat is taken',
      async run() {
        await expecting(200, Beat, 'PUT', '/api/v1/licenses/heartbeat', { session_id: held[0] });
      },
    },
    {
      name: 'a license is signed, and its signature holds without the server',
      async run() {
        const { license_token: token } = await expecting(200, Signed, 'POST', '/api/v1/licenses/sign', {
          session_id: held[0],
        });
        const keys = createLocalJWKSet(await expecting(200, KeySet, 'GET', '/.well-known/jwks.json'));
        await jwtVerify(token, keys, { algorithms: ['RS256'], typ: 'license+jwt' });
      },
    },
    {
      name: 'a seat that is given back is the next one’s at once',
      async run() {
        await expecting(204, z.undefined(), 'POST', '/api/v1/licenses/release', { session_id: held[1] });
        held[1] = (await expecting(201, Granted, ...acquire('third'))).session_id;
        const { sessions: seated } = await api.call(sessions, 'list', { query: { license_id: known().id } });
        const ids = seated.map(({ session_id }) => session_id);
        if (ids.toSorted().join() !== held.toSorted().join()) throw new Error(`others hold seats: ${ids}`);
      },
    },
    {
      name: 'what happened is in the audit log: sweep, Pub/Sub and records work together',
      async run() {
        const query = { license_id: known().id };
        for (let leftMs = auditWithinMs; ; leftMs -= AUDIT_POLL_MS) {
          const { events } = await api.call(audit, 'list', { query });
          const missing = Object.entries(EXPECTED_EVENTS).filter(
            ([type, count]) => events.filter((event) => event.type === type).length !== count,
          );
          if (missing.length === 0) return;
          if (leftMs <= 0)
            throw new Error(
              `after ${auditWithinMs / 1000} s the audit log has ${events.map(({ type }) => type).join(', ') || 'nothing'}`,
            );
          await wait(AUDIT_POLL_MS);
        }
      },
    },
    {
      name: 'the license is suspended, and seats nobody any more',
      async run() {
        const { id } = known();
        await api.call(licenses, 'change', { params: { license_id: id }, body: { status: 'suspended' } });
        await expecting(403, z.object({ code: z.literal('LICENSE_SUSPENDED') }), ...acquire('fourth'));
      },
    },
  ];
}
