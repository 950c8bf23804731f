import { NoAnswer, type Request, type Response } from '../platform.ts';
import type { TestClock } from './clock.ts';

/** What a canned server says: a status, and what is said as JSON or as it is. */
export interface Said {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Say = (request: Request, asked: Readonly<Record<string, unknown>>) => Said | Promise<Said>;

export const SESSION = 'ses_07_aaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbb';
export const LICENSE = 'lic_07_aaaaaaaaaaaaaaaa';

/** A server that says what a test wants, by the end of the path; whatever is left out is answered as all goes well. */
export class CannedServer {
  readonly #clock: TestClock;
  acquire: Say = () => ({ status: 201, body: this.grant() });
  heartbeat: Say = () => ({ status: 200, body: this.beat() });
  release: Say = () => ({ status: 204 });
  sign: Say = () => problem(502, 'SIGNING_UNAVAILABLE');

  constructor(clock: TestClock) {
    this.#clock = clock;
  }

  readonly answer = async (request: Request): Promise<Response> => {
    const name = new URL(request.url).pathname.split('/').at(-1);
    if (name !== 'acquire' && name !== 'heartbeat' && name !== 'release' && name !== 'sign')
      throw new NoAnswer('Not canned.');
    const said = await this[name](request, JSON.parse(request.body ?? '{}'));
    const headers: Record<string, string> = {
      'x-request-id': request.headers['x-request-id'] ?? '',
      ...said.headers,
    };
    return {
      status: said.status,
      header: (header) => headers[header],
      body: typeof said.body === 'string' ? said.body : JSON.stringify(said.body ?? ''),
    };
  };

  /** A seat for 360 s that wants to be heard of every 300 s, without grace, unless `more` says otherwise. */
  grant(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      session_id: SESSION,
      session_token: 'token-of-grant',
      license_id: LICENSE,
      seats: { active: 1, max: 3 },
      ...this.#times(360, 300),
      ttl: 360,
      heartbeat_interval: 300,
      offline_grace_days: 0,
      ...more,
    };
  }

  beat(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      status: 'heartbeat_acknowledged',
      session_id: SESSION,
      session_token: 'token-of-beat',
      ttl_extended_to: 360,
      ...this.#times(360, 300),
      ...more,
    };
  }

  /** A loan of so many days. */
  loan(days: number): Record<string, unknown> {
    const { expires_at } = this.#times(days * 86_400, 0);
    return this.grant({
      ttl: days * 86_400,
      expires_at,
      borrowed_until: expires_at,
      next_heartbeat_due: expires_at,
    });
  }

  #times(ttlSeconds: number, dueSeconds: number) {
    // By a clock of its own, years away from the client's.
    const atMs = this.#clock.now().wallMs + 1e11;
    const inSeconds = (seconds: number): string => new Date(atMs + seconds * 1000).toISOString();
    return { expires_at: inSeconds(ttlSeconds), next_heartbeat_due: inSeconds(dueSeconds) };
  }
}

/** As the server says no. */
export function problem(status: number, code: string, more: Readonly<Record<string, unknown>> = {}): Said {
  const type = `urn:seatlease:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  return { status, body: { type, title: 'No.', status, code, request_id: 'req_1', ...more } };
}
