import { OPERATIONS } from '../api.ts';
import type { Seatlease } from '../client.ts';
import { SeatleaseError } from '../errors.ts';
import type { StoredState } from '../offline/grace.ts';
import { LONGEST_TIMEOUT_MS, NoAnswer } from '../platform.ts';
import { UNAVAILABLE } from './exit-codes.ts';
import type { Report } from './output.ts';
import type { Settings } from './settings.ts';

/** Takes no seat, and changes nothing. */
export async function status(settings: Settings): Promise<Report> {
  const { url, origin } = settings;
  const [problem, fingerprint, user, seatlease] = await Promise.all([
    problemOfServer(settings),
    settings.fingerprint().catch((error: unknown) => withCode(error)),
    settings.signIn(),
    // Without a license there is nothing to look up.
    settings.open().catch((error: unknown) => withCode(error)),
  ]);
  const stored = seatlease instanceof SeatleaseError ? undefined : await storedIn(seatlease);
  const until = stored?.license && new Date(stored.license.offlineUntilMs).toISOString();
  const name = stored?.isBorrowed ? 'loan' : 'offline license';
  const lines = [
    ['server', problem ?? `${origin} answers`],
    ['fingerprint', textOf(fingerprint)],
    ['seats by', seatlease instanceof SeatleaseError ? seatlease.message : settings.credentials],
    ['sign-in', user ? user.userId : 'none'],
    [name, stored?.problem?.message ?? (until === undefined ? 'none' : `until ${until}`)],
  ] as const;
  const width = Math.max(...lines.map(([left]) => left.length)) + 2;
  return {
    text: lines.map(([left, right]) => `${left.padEnd(width)}${right}`).join('\n'),
    json: {
      server: { url, answers: problem === undefined, problem },
      fingerprint: typeof fingerprint === 'string' ? fingerprint : null,
      sign_in: user ? { user_id: user.userId } : null,
      stored: stored
        ? {
            kind: stored.isBorrowed ? 'loan' : 'offline_license',
            license_id: stored.license?.licenseId,
            offline_until: until,
            problem: stored.problem && { code: stored.problem.code, message: stored.problem.message },
          }
        : null,
    },
    exitCode: problem === undefined ? 0 : UNAVAILABLE,
  };
}

/** Why the server cannot be used; `undefined` if it answers. */
async function problemOfServer({ url, platform }: Settings): Promise<string | undefined> {
  const { method, path } = OPERATIONS.health;
  const request = { method, url: `${url}${path}`, headers: { accept: 'application/json' } };
  try {
    const { status, body } = await platform.transport.send(request, {
      timeoutMs: LONGEST_TIMEOUT_MS,
      background: false,
    });
    // A proxy's page is not the server.
    return status === 200 && body.includes('"status"')
      ? undefined
      : `${request.url} answered HTTP ${status}, but not as a license server does.`;
  } catch (error) {
    if (error instanceof NoAnswer) return error.message;
    throw error;
  }
}

/** If it cannot be verified, there is only its problem. */
function storedIn(seatlease: Seatlease): Promise<Partial<StoredState> | undefined> {
  return seatlease.stored().catch((error: unknown) => ({ problem: withCode(error) }));
}

function withCode(error: unknown): SeatleaseError {
  if (error instanceof SeatleaseError) return error;
  throw error;
}

function textOf(value: string | SeatleaseError): string {
  return typeof value === 'string' ? value : value.message;
}
