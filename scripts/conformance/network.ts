import { PROBLEMS, type ProblemCode } from '../../shared/errors.ts';
import { type Answer, DISTORTIONS, type DistortionName } from '../simulation/distortions.ts';
import {
  type FaultyProxy,
  type ProxyFate,
  type SentRequest,
  startFaultyProxy,
} from '../simulation/faulty-proxy.ts';
import { lagMs } from './lag.ts';
import type { Server } from './server.ts';

export type Operation = 'acquire' | 'heartbeat' | 'release' | 'sign' | 'keys' | 'revocations' | 'other';
export type Fields = Readonly<Record<string, unknown>>;

export interface Told {
  readonly atMs: number;
  readonly status: number;
  /** `undefined` if it is not a JSON object. */
  readonly body: Fields | undefined;
  /** Whether the client can know that the server said this: nothing in it was changed or invented, or a problem was. */
  readonly isGood: boolean;
}

/** A request of a client, and what became of it. Times are by our clock. */
export interface Seen {
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  readonly headers: SentRequest['headers'];
  readonly body: Fields | undefined;
  readonly atMs: number;
  /** It may have come so much earlier. */
  readonly lagMs?: number;
  /** What the kit did with it. */
  readonly fate: string;
  /** The server's answer to it, whatever the client was told. */
  readonly reached?: { readonly atMs: number; readonly status: number; readonly body: Fields | undefined };
  readonly told?: Told;
}

/** What the kit does with one request. */
export interface Plan {
  readonly label: string;
  /** Whether what the client is told is the server's own answer, or a problem of the server that the kit invented. */
  readonly isGood: boolean;
  readonly fateOf: (request: SentRequest) => ProxyFate;
}

const fixed = (label: string, fate: ProxyFate): Plan => ({ label, isGood: false, fateOf: () => fate });

function changed(label: string, change: (answer: Answer) => Answer, afterMs = 0, isGood = false): Plan {
  const fate: ProxyFate = { arrivesAfterMs: 0, answer: { how: 'CHANGED', change, afterMs } };
  return { label, isGood, fateOf: () => fate };
}

export const PASS = changed('passes', (answer) => answer, 0, true);
export const LOST = fixed('is lost', { arrivesAfterMs: undefined, answer: { how: 'RESET', afterMs: 0 } });
export const ANSWER_LOST = fixed('arrives, its answer is lost', {
  arrivesAfterMs: 0,
  answer: { how: 'RESET', afterMs: 0 },
});
/** The connection stays open, and nothing comes. */
export const HANGS = fixed('is never answered', { arrivesAfterMs: undefined, answer: { how: 'NEVER' } });
export const ANSWER_HANGS = fixed('arrives, and is never answered', {
  arrivesAfterMs: 0,
  answer: { how: 'NEVER' },
});
export const late = (ms: number): Plan =>
  changed(`is answered ${ms / 1000} s late`, (answer) => answer, ms, true);
export const distorted = (name: DistortionName): Plan =>
  changed(`is answered by "${name}"`, (answer) => DISTORTIONS[name](answer));
export const changedBody = (label: string, change: (body: Fields) => Fields): Plan =>
  changed(label, (answer) => ({ ...answer, body: JSON.stringify(change(JSON.parse(answer.body))) }), 0, true);
export const withHeaders = (label: string, headers: Readonly<Record<string, string>>): Plan =>
  changed(label, (answer) => ({ ...answer, headers: { ...answer.headers, ...headers } }));

/** An answer that never came from the server: the request does not reach it. */
export function instead(
  label: string,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
  isGood = false,
): Plan {
  return {
    label,
    isGood,
    fateOf: ({ headers: sent }) => {
      const id = sent['x-request-id'];
      const echoed = typeof id === 'string' ? { 'x-request-id': id } : {};
      const answer = { status, headers: { 'content-type': 'application/json', ...echoed, ...headers }, body };
      return { arrivesAfterMs: undefined, answer: { how: 'CHANGED', change: () => answer, afterMs: 0 } };
    },
  };
}

export interface ProblemExtras {
  readonly status?: number;
  readonly retryAfter?: number;
  readonly members?: Fields;
}

/** A problem document as the server sends it. */
export function problem(code: ProblemCode | (string & {}), extras: ProblemExtras = {}): Plan {
  const known = code in PROBLEMS ? PROBLEMS[code as ProblemCode] : undefined;
  const status = extras.status ?? known?.status ?? 418;
  const body = {
    type: `urn:seatlease:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: known?.title ?? 'Something new.',
    status,
    code,
    request_id: 'req_000000000000000000000000',
    ...extras.members,
  };
  const { retryAfter } = extras;
  const headers = {
    'content-type': 'application/problem+json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  };
  const text = `is answered ${status} ${code}${retryAfter === undefined ? '' : `, Retry-After ${retryAfter}`}`;
  return instead(text, status, JSON.stringify(body), headers, true);
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'POST /api/v1/licenses/acquire': 'acquire',
  'PUT /api/v1/licenses/heartbeat': 'heartbeat',
  'POST /api/v1/licenses/release': 'release',
  'POST /api/v1/licenses/sign': 'sign',
  'GET /.well-known/jwks.json': 'keys',
  'GET /api/v1/public-key': 'keys',
  'GET /.well-known/license-revocations.json': 'revocations',
};

function operationOf({ method, path }: SentRequest): Operation {
  const known = OPERATIONS[`${method} ${path}`];
  if (known) return known;
  return method === 'DELETE' && path.startsWith('/api/v1/licenses/sessions/') ? 'release' : 'other';
}

/** The network between one client and the server. It keeps every request, and does with each what a scenario says. */
export class Network {
  readonly seen: Seen[] = [];
  readonly #server: Server;
  readonly #queues = new Map<Operation, Plan[]>();
  readonly #lasting = new Map<Operation, Plan>();
  #all: Plan | undefined;
  #proxy: FaultyProxy | undefined;
  #url = '';

  constructor(server: Server) {
    this.#server = server;
  }

  /** `port`: of a closed network, so that the address stays the same. */
  async open(port?: number): Promise<this> {
    const requests = new Map<SentRequest, Seen & { reached?: unknown; told?: unknown }>();
    const plans = new Map<SentRequest, Plan>();
    this.#proxy = await startFaultyProxy({
      targetUrl: this.#server.url,
      ...(port === undefined ? {} : { port }),
      nextFate: (request) => {
        const operation = operationOf(request);
        const plan =
          this.#queues.get(operation)?.shift() ?? this.#lasting.get(operation) ?? this.#all ?? PASS;
        const { method, path, headers } = request;
        const seen: Seen = {
          ...{ operation, method, path, headers },
          body: fieldsOf(request.body),
          atMs: Date.now(),
          lagMs: lagMs(),
          fate: plan.label,
        };
        requests.set(request, seen);
        plans.set(request, plan);
        this.seen.push(seen);
        return this.#dated(plan.fateOf(request));
      },
      noteAnswer: (request, { status, body }) => {
        const seen = requests.get(request);
        if (seen) Object.assign(seen, { reached: { atMs: Date.now(), status, body: fieldsOf(body) } });
      },
      noteTold: (request, { status, body }) => {
        const isGood = plans.get(request)?.isGood ?? false;
        const told: Told = { atMs: Date.now(), status, body: fieldsOf(body), isGood };
        const seen = requests.get(request);
        if (seen) Object.assign(seen, { told });
      },
    });
    this.#url = this.#proxy.url;
    return this;
  }

  get url(): string {
    return this.#url;
  }

  /** The next requests of this kind get these fates. */
  next(operation: Operation, ...plans: readonly Plan[]): void {
    this.#queues.set(operation, [...(this.#queues.get(operation) ?? []), ...plans]);
  }

  /** From now on every request, or every one of this kind, gets this fate. `PASS` ends that. */
  always(plan: Plan, operation?: Operation): void {
    if (operation) this.#lasting.set(operation, plan);
    else this.#all = plan;
  }

  refuseConnections(): void {
    this.#proxy?.stopListening();
  }

  /** Another program may have taken the port for a moment. */
  async acceptConnections(): Promise<void> {
    await this.#proxy?.listenAgain();
  }

  of(operation: Operation): readonly Seen[] {
    return this.seen.filter((one) => one.operation === operation);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async close(): Promise<void> {
    const proxy = this.#proxy;
    this.#proxy = undefined;
    await proxy?.close();
  }

  /** Node does not use the thread's clock for this header. */
  #dated(fate: ProxyFate): ProxyFate {
    if (fate.answer.how !== 'CHANGED') return fate;
    const { change, afterMs } = fate.answer;
    const withDate = (answer: Answer): Answer => {
      const date = new Date(Date.now() + this.#server.aheadMs()).toUTCString();
      return change({ ...answer, headers: { ...answer.headers, date } });
    };
    return { ...fate, answer: { how: 'CHANGED', change: withDate, afterMs } };
  }
}

export function fieldsOf(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}
