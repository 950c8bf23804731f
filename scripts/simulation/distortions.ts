import { newLicenseId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The connection is cut after `body`, which is shorter than announced. */
  readonly isCutShort?: boolean;
}

type Distortion = (answer: Answer) => Answer;

const FIVE_YEARS_MS = 5 * 365 * 24 * 3_600_000;
const ELSEWHERE = newLicenseId(newTenantId(4));

/**
 * What a broken component between a program and the suite can do to a response. A client can distinguish each result
 * from a true response, or its belief must not depend on the difference.
 *
 * Not included are responses that a client cannot recognize: complete, well-formed and false, as from a forged suite or
 * from a middlebox that swaps the responses of two machines of a license. HTTPS protects against those.
 */
export const DISTORTIONS = {
  none: (answer) => answer,

  'years behind': (answer) => shifted(answer, -FIVE_YEARS_MS),
  'years ahead': (answer) => shifted(answer, FIVE_YEARS_MS),

  'server error': instead(500, 'application/problem+json', '{"code":"INTERNAL","status":500}'),
  unavailable: instead(503, 'application/problem+json', '{"code":"UNAVAILABLE"}', { 'retry-after': '1' }),
  'unavailable for years': instead(503, 'text/plain', 'later', { 'retry-after': '99999999999' }),
  'too many requests': instead(429, 'application/problem+json', '{}', { 'retry-after': '2' }),
  'too many requests, invalid retry-after': instead(429, 'text/plain', '', { 'retry-after': 'soon' }),
  'bad gateway': instead(502, 'text/html', '<html><h1>502 Bad Gateway</h1></html>'),
  'not found, says a proxy': instead(404, 'text/html', '<html><h1>404 Not Found</h1></html>'),
  'forbidden, says a proxy': instead(403, 'text/html', '<html><h1>Forbidden</h1></html>'),
  redirect: instead(302, 'text/html', '', { location: 'https://portal.example/sign-in' }),

  'captive portal': instead(200, 'text/html', '<html><form action="/sign-in"></form></html>'),
  empty: instead(200, 'application/json', ''),
  'no content': instead(204, 'application/json', ''),
  null: instead(200, 'application/json', 'null'),
  list: instead(200, 'application/json', '[]'),
  'another operation': instead(200, 'application/json', '{"status":"healthy","version":"1"}'),
  "another session's heartbeat": instead(
    200,
    'application/json',
    JSON.stringify(heartbeatOf(newSessionId(ELSEWHERE))),
  ),
  truncated: (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) }),
  'cut in the middle': (answer) => ({
    ...answer,
    body: answer.body.slice(0, answer.body.length / 2),
    isCutShort: true,
  }),
  'status 200': (answer) => ({ ...answer, status: 200 }),

  'ttl below zero': withTtl(-360),
  'ttl of zero': withTtl(0),
  'ttl of decades': withTtl(1e9),
  'ttl beyond numbers': (answer) => ({
    ...answer,
    body: answer.body.replace(/"(ttl|ttl_extended_to)":\d+/, '"$1":1e999'),
  }),
  'ttl as text': withTtl('360'),
  'ttl of nothing': withTtl(null),
  'no ttl': withTtl(undefined),
  'interval of zero': changed((body) =>
    body.heartbeat_interval === undefined ? {} : { heartbeat_interval: 0 },
  ),
  'interval of decades': changed((body) =>
    body.heartbeat_interval === undefined ? {} : { heartbeat_interval: 1e9 },
  ),
  'invalid due time': changed((body) =>
    body.next_heartbeat_due === undefined ? {} : { next_heartbeat_due: 'soon' },
  ),
  "another license's session": changed((body) =>
    body.session_id === undefined ? {} : { session_id: newSessionId(ELSEWHERE) },
  ),
  'no session': changed(() => ({ session_id: undefined })),
  'another license': changed((body) => (body.license_id === undefined ? {} : { license_id: ELSEWHERE })),
} satisfies Readonly<Record<string, Distortion>>;

export type DistortionName = keyof typeof DISTORTIONS;
export const DISTORTION_NAMES = Object.keys(DISTORTIONS) as DistortionName[];

/** Whether the response still says what the server said, so that a refusal in it comes from the server. */
export function isTrue(name: DistortionName): boolean {
  return name === 'none' || name.startsWith('years ');
}

/** Complete and well-formed, with times in the past, as from a cache. */
function heartbeatOf(sessionId: string): object {
  return {
    status: 'heartbeat_acknowledged',
    session_id: sessionId,
    session_token: 'st1.of.another',
    ttl_extended_to: 360,
    expires_at: '2026-01-01T00:06:00.000Z',
    next_heartbeat_due: '2026-01-01T00:05:00.000Z',
  };
}

function instead(
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Distortion {
  return () => ({ status, headers: { 'content-type': type, ...headers }, body });
}

function changed(change: (body: Readonly<Record<string, unknown>>) => object): Distortion {
  return (answer) => {
    if (!answer.body.startsWith('{')) return answer;
    const body = JSON.parse(answer.body);
    return { ...answer, body: JSON.stringify({ ...body, ...change(body) }) };
  };
}

function withTtl(ttl: unknown): Distortion {
  return changed((body) => ({
    ...('ttl' in body ? { ttl } : {}),
    ...('ttl_extended_to' in body ? { ttl_extended_to: ttl } : {}),
  }));
}

function shifted(answer: Answer, byMs: number): Answer {
  const later = (text: string): string => new Date(Date.parse(text) + byMs).toISOString();
  const { date } = answer.headers;
  const dated = date === undefined ? {} : { date: new Date(Date.parse(date) + byMs).toUTCString() };
  return changed((body) =>
    Object.fromEntries(
      ['expires_at', 'next_heartbeat_due'].flatMap((field) =>
        typeof body[field] === 'string' ? [[field, later(body[field])]] : [],
      ),
    ),
  )({ ...answer, headers: { ...answer.headers, ...dated } });
}
