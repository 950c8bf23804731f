import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, jwtVerify } from 'jose';
import * as z from 'zod/mini';
import { type Api, openApi } from '../../clients/admin/src/api.ts';
import type { Target } from '../../clients/admin/src/target.ts';
import audit from '../../functions/audit/contract.ts';
import health from '../../functions/health/contract.ts';
import licenses from '../../functions/licenses/contract.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import sessions from '../../functions/sessions/contract.ts';
import { isInternal } from '../../shared/http/callers.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';

const SEATS = 2;
const AUDIT_POLL_MS = 3_000;
const CALL_TIMEOUT_MS = 30_000;

/** The events that the audit log must have after the story, and no others of these types. */
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
  /** The own address of a function, past Hosting. */
  urlOf(functionName: string): string;
  /** How long events may take from Redis to the audit log: one sweep a minute, then Pub/Sub. */
  readonly auditWithinMs: number;
  /** Replaces a wait of that many milliseconds. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

/** The state that the steps share. */
interface Story {
  readonly target: Target;
  readonly api: Api;
  readonly options: StoryOptions;
  license: { readonly id: string; readonly key: string } | undefined;
  /** Ids of the sessions that hold seats. */
  readonly held: string[];
}

/**
 * The main story of a deployed suite, step by step: what a vendor, its customers' machines and an auditor do. It creates
 * one license, in its own tenant, and its last step suspends it. A step that fails throws.
 */
export function story(target: Target, options: StoryOptions): Step[] {
  const story: Story = { target, api: openApi(target), options, license: undefined, held: [] };
  return STEPS.map(([name, run]) => ({ name, run: () => run(story) }));
}

const STEPS: readonly (readonly [name: string, run: (story: Story) => Promise<void>])[] = [
  ['the suite answers', checkAnswer],
  ['internal endpoints refuse external callers', checkInternal],
  ['Google refuses a forged token at the URL of each internal function, which does not see it', checkGuard],
  [`a license of ${SEATS} seats is created`, createLicense],
  [`${SEATS} machines get a seat, and one more is refused`, fillSeats],
  ['a heartbeat is acknowledged', sendHeartbeat],
  ['a license is signed, and its signature verifies offline', verifySignature],
  ['a released seat can be acquired at once', reuseSeat],
  ['the events are in the audit log: sweep, Pub/Sub and records work together', awaitAuditLog],
  ['every dependency accepts writes, and a sweep has succeeded', awaitHealth],
  ['the license is suspended, and grants no more seats', suspendLicense],
];

async function checkAnswer(story: Story): Promise<void> {
  await expectReply(story, 200, z.unknown(), 'GET', '/health');
}

async function checkInternal(story: Story): Promise<void> {
  for (const { method, path } of internalFunctions().flatMap(({ endpoints }) => Object.values(endpoints))) {
    const { status } = await call(story, method, path);
    if (status < 400 || status >= 500)
      throw new Error(`${method} ${path} returned ${status} to an external caller`);
  }
}

/**
 * Internal functions trust tokens without a signature, because Google checks them first. So a token that anyone can write
 * must get Google's refusal (by ingress or IAM: HTML or text), never an answer of the function, not even its refusal.
 */
async function checkGuard({ options: { urlOf } }: Story): Promise<void> {
  for (const { name, endpoints } of internalFunctions()) {
    const url = urlOf(name);
    for (const { method, path } of Object.values(endpoints)) {
      const response = await fetch(new URL(path, url), {
        method,
        redirect: 'manual',
        headers: { authorization: `Bearer ${forgedToken(new URL(url).origin)}` },
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      const text = await response.text();
      const isGoogles =
        [401, 403, 404].includes(response.status) &&
        !response.headers.get('content-type')?.includes('json') &&
        !response.headers.has('x-request-id');
      if (!isGoogles)
        throw new Error(
          `${name} itself answered (${response.status}): Google does not guard it. ` +
            `Check its ingress and invoker, and set SERVICE_TOKENS to signed until they are right. ${text}`,
        );
    }
  }
}

function forgedToken(audience: string): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const email = 'verify-deploy@seatlease.invalid';
  const claims = { iss: 'https://accounts.google.com', aud: audience, sub: '1', email, email_verified: true };
  return [
    { alg: 'RS256', typ: 'JWT', kid: '1' },
    { ...claims, iat: nowSeconds, exp: nowSeconds + 300 },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('SIGNATURE_REMOVED_BY_GOOGLE')
    .join('.');
}

async function createLicense(story: Story): Promise<void> {
  const { license_id, license_key } = await story.api.call(licenses, 'create', { body: { max: SEATS } });
  story.license = { id: license_id, key: license_key };
}

async function fillSeats(story: Story): Promise<void> {
  for (const machine of ['first', 'second'])
    story.held.push((await acquire(story, machine, 201, Granted)).session_id);
  await acquire(story, 'third', 409, Full);
}

async function sendHeartbeat(story: Story): Promise<void> {
  await expectReply(story, 200, Beat, 'PUT', '/api/v1/licenses/heartbeat', { session_id: story.held[0] });
}

async function verifySignature(story: Story): Promise<void> {
  const { license_token: token } = await expectReply(story, 200, Signed, 'POST', '/api/v1/licenses/sign', {
    session_id: story.held[0],
  });
  const keys = createLocalJWKSet(await expectReply(story, 200, KeySet, 'GET', '/.well-known/jwks.json'));
  await jwtVerify(token, keys, { algorithms: ['RS256'], typ: 'license+jwt' });
}

async function reuseSeat(story: Story): Promise<void> {
  const { api, held } = story;
  const released = { session_id: held[1] };
  await expectReply(story, 204, z.undefined(), 'POST', '/api/v1/licenses/release', released);
  held[1] = (await acquire(story, 'third', 201, Granted)).session_id;
  const query = { license_id: licenseOf(story).id };
  const ids = (await api.call(sessions, 'list', { query })).sessions.map(({ session_id }) => session_id);
  if (ids.toSorted().join() !== held.toSorted().join())
    throw new Error(`other sessions hold the seats: ${ids}`);
}

async function awaitAuditLog(story: Story): Promise<void> {
  const { auditWithinMs, wait = sleep } = story.options;
  const query = { license_id: licenseOf(story).id };
  for (let leftMs = auditWithinMs; ; leftMs -= AUDIT_POLL_MS) {
    const { events } = await story.api.call(audit, 'list', { query });
    const missing = Object.entries(EXPECTED_EVENTS).filter(
      ([type, count]) => events.filter((event) => event.type === type).length !== count,
    );
    if (missing.length === 0) return;
    if (leftMs <= 0)
      throw new Error(
        `after ${auditWithinMs / 1000} s the audit log has ${events.map(({ type }) => type).join(', ') || 'no events'}`,
      );
    await wait(AUDIT_POLL_MS);
  }
}

/** A sweep records its success when it ends, which may be later than its events. */
async function awaitHealth({ api, options }: Story): Promise<void> {
  const { auditWithinMs, wait = sleep } = options;
  for (let leftMs = auditWithinMs; ; leftMs -= AUDIT_POLL_MS) {
    const { status, ...found } = await api.call(health, 'health', { query: { deep: '1' } });
    if (status === 'ok') return;
    if (leftMs <= 0) throw new Error(`not everything is ok: ${JSON.stringify(found)}`);
    await wait(AUDIT_POLL_MS);
  }
}

async function suspendLicense(story: Story): Promise<void> {
  const params = { license_id: licenseOf(story).id };
  await story.api.call(licenses, 'change', { params, body: { status: 'suspended' } });
  await acquire(story, 'fourth', 403, z.object({ code: z.literal('LICENSE_SUSPENDED') }));
}

function internalFunctions(): readonly FunctionContract[] {
  return MANIFEST.filter(isInternal);
}

function licenseOf({ license }: Story): NonNullable<Story['license']> {
  if (!license) throw new Error('no license was created');
  return license;
}

function acquire<T>(story: Story, fingerprint: string, status: number, shape: z.ZodMiniType<T>): Promise<T> {
  return expectReply(story, status, shape, 'POST', '/api/v1/licenses/acquire', { fingerprint });
}

/** Calls the suite as a client, with the license key once the license exists. */
async function call({ target, license }: Story, method: string, path: string, body?: unknown) {
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
  return { status: response.status, text: await response.text() };
}

/** Calls the suite, and throws unless the reply has that status and shape. */
async function expectReply<T>(
  story: Story,
  status: number,
  shape: z.ZodMiniType<T>,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const reply = await call(story, method, path, body);
  if (reply.status !== status)
    throw new Error(`${method} ${path} returned ${reply.status}, not ${status}: ${reply.text}`);
  return z.parse(shape, reply.text === '' ? undefined : JSON.parse(reply.text));
}
