import { NoAnswer, type Request, type Response } from '../platform.ts';
import type { TestClock } from './clock.ts';

/** A canned answer. */
export interface CannedAnswer {
  readonly status: number;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type CannedHandler = (
  request: Request,
  fields: Readonly<Record<string, unknown>>,
) => CannedAnswer | Promise<CannedAnswer>;

export const SESSION = 'ses_07_aaaaaaaaaaaaaaaa_bbbbbbbbbbbbbbbb';
export const LICENSE = 'lic_07_aaaaaaaaaaaaaaaa';

/** A server whose answers a test sets by the last part of the path. By default every request succeeds. */
export class CannedServer {
  readonly #clock: TestClock;
  acquire: CannedHandler = () => ({ status: 201, body: this.grant() });
  heartbeat: CannedHandler = () => ({ status: 200, body: this.heartbeatAnswer() });
  release: CannedHandler = () => ({ status: 204 });
  sign: CannedHandler = () => problem(502, 'SIGNING_UNAVAILABLE');

  constructor(clock: TestClock) {
    this.#clock = clock;
  }

  readonly answer = async (request: Request): Promise<Response> => {
    const name = new URL(request.url).pathname.split('/').at(-1);
    if (name !== 'acquire' && name !== 'heartbeat' && name !== 'release' && name !== 'sign')
      throw new NoAnswer('Not canned.');
    const answer = await this[name](request, JSON.parse(request.body ?? '{}'));
    const headers: Record<string, string> = {
      'x-request-id': request.headers['x-request-id'] ?? '',
      ...answer.headers,
    };
    return {
      status: answer.status,
      header: (header) => headers[header],
      body: typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? ''),
    };
  };

  /** A lease of 360 s with a heartbeat every 300 s, without grace. `more` overrides fields. */
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

  heartbeatAnswer(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      status: 'heartbeat_acknowledged',
      session_id: SESSION,
      session_token: 'token-of-beat',
      ttl_extended_to: 360,
      ...this.#times(360, 300),
      ...more,
    };
  }

  /** A seat borrowed for `days`. */
  loan(days: number): Record<string, unknown> {
    const { expires_at } = this.#times(days * 86_400, 0);
    return this.grant({
      ttl: days * 86_400,
      expires_at,
      borrowed_until: expires_at,
      next_heartbeat_due: expires_at,
    });
  }

  /** The server's clock is years away from the client's. */
  nowMs(): number {
    return this.#clock.now().wallMs + 1e11;
  }

  #times(ttlSeconds: number, dueSeconds: number) {
    const atMs = this.nowMs();
    const inSeconds = (seconds: number): string => new Date(atMs + seconds * 1000).toISOString();
    return { expires_at: inSeconds(ttlSeconds), next_heartbeat_due: inSeconds(dueSeconds) };
  }
}

/** A problem document as the server sends it. */
export function problem(
  status: number,
  code: string,
  more: Readonly<Record<string, unknown>> = {},
): CannedAnswer {
  const type = `urn:seatlease:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  return { status, body: { type, title: 'No.', status, code, request_id: 'req_1', ...more } };
}
