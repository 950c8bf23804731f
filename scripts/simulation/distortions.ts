import { newLicenseId, newSessionId, newTenantId } from '../../shared/domain/ids.ts';

export interface Answer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** It ends in the middle: the connection is cut after `body`, of which more was announced. */
  readonly isCutShort?: boolean;
}

type Distortion = (answer: Answer) => Answer;

const FIVE_YEARS_MS = 5 * 365 * 24 * 3_600_000;
const ELSEWHERE = newLicenseId(newTenantId(4));

/**
 * What a broken thing between a program and the suite can make of an answer. Each is a fault that can be told from a true
 * answer, or that changes nothing which belief may rest on.
 *
 * Left out is what nobody can tell: an answer that is whole, well-formed and false throughout, as of a forged suite or of
 * a middlebox that gives one machine the answer for another of the same license. HTTPS is there against those.
 */
export const DISTORTIONS = {
  none: (answer) => answer,

  'years behind': (answer) => shifted(answer, -FIVE_YEARS_MS),
  'years ahead': (answer) => shifted(answer, FIVE_YEARS_MS),

  'server error': instead(500, 'application/problem+json', '{"code":"INTERNAL","status":500}'),
  unavailable: instead(503, 'application/problem+json', '{"code":"UNAVAILABLE"}', { 'retry-after': '1' }),
  'unavailable for years': instead(503, 'text/plain', 'later', { 'retry-after': '99999999999' }),
  'too many requests': instead(429, 'application/problem+json', '{}', { 'retry-after': '2' }),
  'too many requests, until some day': instead(429, 'text/plain', '', { 'retry-after': 'soon' }),
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
  "another session's beat": instead(200, 'application/json', JSON.stringify(beatOf(newSessionId(ELSEWHERE)))),
  'half of it': (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) }),
  'cut in the middle': (answer) => ({
    ...answer,
    body: answer.body.slice(0, answer.body.length / 2),
    isCutShort: true,
  }),
  'said to be fine': (answer) => ({ ...answer, status: 200 }),

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
  'due some day': changed((body) =>
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

/** Such an answer says what the server said: the session that it refuses is refused. */
export function isTrue(name: DistortionName): boolean {
  return name === 'none' || name.startsWith('years ');
}

/** Whole and well-formed; the moments are long past, as in what a cache gives. */
function beatOf(sessionId: string): object {
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
