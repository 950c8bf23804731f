import { rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inject } from 'vitest';
import { readConfig } from '../../shared/config.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { serviceCalls } from '../../shared/local/cloud-calls.ts';
import type { EventBusOptions } from '../../shared/local/event-bus.ts';
import { type Door, type EdgeOptions, GoogleEdge, type Iam } from '../../shared/local/google-edge/edge.ts';
import { mountBehindGoogle } from '../../shared/local/mount.ts';
import { putLocalKey } from '../../shared/local/signing-key.ts';
import { startFakeStripe } from '../../shared/local/stripe/server.ts';
import type { FakeStripe } from '../../shared/local/stripe/types.ts';
import { type LocalParts, openLocalParts } from '../../shared/local/wiring.ts';
import type { Deps, ServiceCaller } from '../../shared/ports/deps.ts';
import type { LogLine } from '../../shared/ports/log-line.ts';
import { quickFolder } from '../../shared/testing/quick-folder.ts';
import { TEST_SECRETS } from '../../shared/testing/secrets.ts';
import { MANIFEST } from '../manifest.ts';
import { openSuite } from '../open-suite.ts';
import { addUnknownFields } from './add-unknown-fields.ts';
import { trustingProvider } from './trusting-provider.ts';

export const { OPERATOR_KEY } = TEST_SECRETS;

/**
 * The whole suite for tests: every function in the real framework behind Google's edge, on embedded dependencies unless
 * `environment` names others.
 */
export interface TestSuite {
  /** Where Hosting serves the suite. */
  readonly url: string;
  readonly doors: Readonly<Record<DoorName, string>>;
  readonly deps: Deps;
  /** The fake Stripe. It sends its events to this suite, unless a test changes that. */
  readonly stripe: FakeStripe;
  /** Every log line since the start. */
  readonly logged: readonly LogLine[];
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** Calls the API as operator. */
  operate(method: string, path: string, body?: unknown): Promise<Reply>;
  createLicense(terms?: Record<string, unknown>): Promise<TestLicense>;
  /** Rotates the key of a license, and returns a client with the new key. */
  giveKey(licenseId: string): Promise<TestLicense>;
  /** Runs a sweep, as Cloud Scheduler does. */
  sweep(): Promise<Reply>;
  /** Resolves when every event published so far was delivered, or its delivery was given up. */
  delivered(): Promise<void>;
  /** Sweeps, so that every event so far is published, recorded and sealed. */
  settle(): Promise<void>;
  /** An identity token as Google's services send, for one of our service accounts or any other account. */
  serviceToken(account: ServiceCaller | (string & {}), claims?: Readonly<Record<string, unknown>>): string;
  close(): Promise<void>;
}

/** Deployed functions wait a second for Redis. Embedded Redis on a busy machine can take longer. */
const REDIS_TIMEOUT_MS = 10_000;

type Call = TestSuite['call'];

/** The URL of each door of Google's edge; `unguarded`: the functions without the edge. */
type DoorName = Door | 'unguarded';

export interface CallOptions {
  readonly authorization?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `URLSearchParams` are sent as a form, a string as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Default: `internal` for what only the cloud calls, else `hosting`. */
  readonly door?: DoorName;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface TestLicense {
  readonly licenseId: string;
  readonly tenantId: string;
  readonly key: string;
  acquire(fingerprint: string, more?: Record<string, unknown>): Promise<Reply>;
  heartbeat(body: Record<string, unknown>): Promise<Reply>;
  release(sessionId: string): Promise<Reply>;
  /** A string is sent as it is. */
  sign(body: string | Record<string, unknown>): Promise<Reply>;
}

export interface SuiteOptions {
  /** How long to wait for Redis; `undefined` waits as long as a deployed function. */
  readonly redisWithinMs?: number | undefined;
  readonly edge?: Omit<EdgeOptions, 'iam'>;
  /** Can give each function its own object of dependencies. Must return the same one at each call. */
  depsOf?(contract: FunctionContract, deps: Deps): Deps;
  /** How the event bus delivers. Without it, as oddly as Pub/Sub. */
  readonly bus?: EventBusOptions;
  /** RSA-4096 private key, PEM. Default: the first one of the test run; needed where no tests run. */
  readonly signingKey?: string;
}

/** `environment` overrides settings that embed all dependencies. `wrap` can replace any port. */
export async function openTestSuite(
  environment: Record<string, string> = {},
  wrap: (deps: Deps) => Deps = (deps) => deps,
  options: SuiteOptions = {},
): Promise<TestSuite> {
  const { redisWithinMs, edge, bus, depsOf } = {
    redisWithinMs: REDIS_TIMEOUT_MS,
    depsOf: (_: FunctionContract, deps: Deps) => deps,
    ...options,
  };
  const dataFolder = await quickFolder('seatlease-test-');
  const config = readConfig({
    SEATLEASE_DATA: dataFolder,
    ...TEST_SECRETS,
    ...environment,
  });
  putLocalKey(join(dataFolder, 'signing-keys'), 1, options.signingKey ?? inject('signingKeys')[0]);
  const logged: LogLine[] = [];
  const log = (line: LogLine): void => void logged.push(line);
  const opened = Promise.withResolvers<Deps>();
  const iam = Promise.withResolvers<Iam>();
  const servers = mountBehindGoogle(
    MANIFEST,
    openSuite(async (contract) => depsOf(contract, await opened.promise), { checkAnswers: true }),
    new GoogleEdge({ ...edge, iam: () => iam.promise }),
  );
  const doors = {
    hosting: await listen(servers.hosting),
    'run.app': await listen(servers['run.app']),
    internal: await listen(servers.internal),
    unguarded: await listen(servers.unguarded),
  };
  const url = doors.hosting;
  const stripe = await startFakeStripe();
  stripe.sendEventsTo(`${url}/api/v1/webhooks/stripe`);
  const parts = await openLocalParts(config, {
    stripe,
    bus: { retryMs: 20, ...bus },
    redisWithinMs,
    log,
    publicUrl: url,
    signIn: trustingProvider(),
  });
  addUnknownFields(parts.deps.records);
  const deps = wrap({ ...parts.deps, log });
  opened.resolve(deps);
  iam.resolve({ identity: parts.iam, invokers: deps.serviceAccounts });
  const calls = callsOf(doors, deps, parts);
  parts.bus?.subscribe(serviceCalls(doors.internal, (caller) => calls.serviceToken(caller)).push);

  return {
    url,
    doors,
    deps,
    stripe,
    logged,
    ...calls,
    async close() {
      await stripe.close();
      await Promise.all(Object.values(servers).map(closeNow));
      await deps.close();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

/** The calls that tests make to a suite, as clients, operator and Google Cloud. */
function callsOf(
  doors: TestSuite['doors'],
  deps: Deps,
  { issuer, bus }: LocalParts,
): Omit<TestSuite, 'url' | 'doors' | 'deps' | 'stripe' | 'logged' | 'close'> {
  const call: Call = (method, path, options) => {
    const { door = path.startsWith('/internal/') ? 'internal' : 'hosting' } = options ?? {};
    return send(`${doors[door]}${path}`, method, options);
  };

  function serviceToken(account: string, claims?: Readonly<Record<string, unknown>>): string {
    if (!issuer) throw new Error('this suite does not issue its own tokens');
    const accounts: Readonly<Record<string, string>> = deps.serviceAccounts;
    return issuer.issue(accounts[account] ?? account, claims);
  }

  const sweep = (): Promise<Reply> =>
    call('POST', '/internal/sweep', { authorization: `Bearer ${serviceToken('scheduler')}` });

  const operate = (method: string, path: string, body?: unknown): Promise<Reply> =>
    call(method, path, { authorization: `Operator ${OPERATOR_KEY}`, body });

  return {
    call,
    operate,
    async createLicense(terms = {}) {
      const created = await operate('POST', '/api/v1/licenses', { max: 3, ...terms });
      if (created.status !== 201) throw new Error(`no license: ${created.text}`);
      return clientOf(created, call);
    },
    async giveKey(licenseId) {
      const rotated = await operate('POST', `/api/v1/licenses/${licenseId}/rotate-key`, {});
      if (rotated.status !== 200) throw new Error(`no key: ${rotated.text}`);
      return clientOf(rotated, call);
    },
    sweep,
    delivered: async () => bus?.idle(),
    async settle() {
      // The first sweep publishes events, the second seals what was recorded of them.
      for (const _ of ['publish', 'seal']) {
        const { status, text } = await sweep();
        if (status !== 200) throw new Error(`no sweep: ${text}`);
        await bus?.idle();
      }
    },
    serviceToken,
  };
}

async function send(
  url: string,
  method: string,
  { authorization, headers, body }: CallOptions = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined || body instanceof URLSearchParams
        ? {}
        : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: sentBody(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text ? JSON.parse(text) : undefined,
  };
}

function sentBody(body: unknown): string | URLSearchParams {
  return typeof body === 'string' || body instanceof URLSearchParams ? body : JSON.stringify(body);
}

/** A client with the key in this answer. */
function clientOf({ body }: Reply, call: Call): TestLicense {
  const key: string = body.license_key;
  const authorization = `License ${key}`;
  return {
    licenseId: body.license_id,
    tenantId: body.tenant_id,
    key,
    acquire: (fingerprint, more = {}) =>
      call('POST', '/api/v1/licenses/acquire', { authorization, body: { fingerprint, ...more } }),
    heartbeat: (given) => call('PUT', '/api/v1/licenses/heartbeat', { authorization, body: given }),
    release: (sessionId) =>
      call('POST', '/api/v1/licenses/release', { authorization, body: { session_id: sessionId } }),
    sign: (given) => call('POST', '/api/v1/licenses/sign', { authorization, body: given }),
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function closeNow(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
