import type { SeatEvent } from '../../shared/domain/event.ts';
import { type Ended, type Next, PROBLEMS, type Problem, type ProblemCode } from '../../shared/errors.ts';
import { type Confirmed, findFalseBeliefs, type Refused } from '../simulation/beliefs.ts';
import type { ClientEvent, Sample } from './client.ts';
import type { Seen, Told } from './network.ts';

/** Everything that is known of one client in one scenario. Times are by our clock, unless they say otherwise. */
export interface Play {
  readonly name: string;
  readonly fingerprint: string;
  readonly licenseKey: string;
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  /** Whether a grace can apply: the license grants one, and the client has the right keys. */
  readonly canHaveGrace: boolean;
  readonly seen: readonly Seen[];
  readonly samples: readonly Sample[];
  readonly events: readonly ClientEvent[];
  /** When the kit asked for a new seat, and for its release. */
  readonly acquires: readonly number[];
  readonly releases: readonly number[];
  /** When the kit stopped, blocked or restarted the client or moved a clock: its pace is not judged right after that. */
  readonly disturbances: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** Everything that the client printed. */
  readonly printed: string;
}

export interface ServerLog {
  readonly licenseId: string;
  readonly max: number;
  /** By the server's clock. */
  readonly events: readonly SeatEvent[];
  /** Since when the server's clock was ahead of ours by how much, in order of time. */
  readonly moves: readonly { readonly atMs: number; readonly aheadMs: number }[];
}

export interface Finding {
  readonly rule: string;
  readonly client: string;
  readonly atMs: number;
  readonly detail: string;
}

const SLACK_MS = 250;
/** A command needs so long to end its program. */
const SIGNAL_MS = 750;

export function judge(plays: readonly Play[], server: ServerLog): Finding[] {
  return [
    ...judgeBeliefs(plays, server),
    ...plays.flatMap((play) => [
      ...judgeRunning(play, server),
      ...judgeStates(play),
      ...judgeLost(play),
      ...judgeFields(play),
      ...judgeInstances(play),
      ...judgeBeats(play),
      ...judgePace(play),
      ...judgeRelease(play),
      ...judgeSecrets(play),
    ]),
  ];
}

export function serverMs({ moves }: Pick<ServerLog, 'moves'>, atMs: number): number {
  return atMs + (moves.findLast((move) => move.atMs <= atMs)?.aheadMs ?? 0);
}

const isAsk = ({ operation }: Seen): boolean => operation === 'acquire' || operation === 'heartbeat';

function isGrant({ told }: Seen): boolean {
  return told?.isGood === true && told.status < 300 && typeof told.body?.session_id === 'string';
}

/** The session that the client knows of at that time. */
function sessionAt(play: Play, atMs: number): string | undefined {
  const last = play.seen.findLast((one) => isAsk(one) && isGrant(one) && (one.told?.atMs ?? 0) <= atMs);
  return last === undefined ? undefined : String(last.told?.body?.session_id);
}

/** What follows a problem, by the table. An answer that is not the server's says nothing: `undefined`. */
export function nextAfter(told: Told | undefined, isHeld: boolean): Next | undefined {
  const code = told?.isGood ? told.body?.code : undefined;
  if (typeof code !== 'string' || told === undefined || told.status < 400) return undefined;
  const isOurFault = told.status === 429 || told.status >= 500;
  const key = code in PROBLEMS ? (code as ProblemCode) : isOurFault ? 'INTERNAL' : 'VALIDATION_FAILED';
  const { next, whileHeld }: Problem = PROBLEMS[key];
  if (!isHeld || whileHeld === undefined) return next;
  if (!('byEnded' in whileHeld)) return whileHeld;
  const ended = String(told.body?.ended);
  return whileHeld.byEnded[(ended in whileHeld.byEnded ? ended : 'unknown') as Ended];
}

/** Whether the answer says that there is no right to a seat now: no grace follows. */
function isDenial(told: Told | undefined): boolean {
  const next = nextAfter(told, true);
  return next?.do === 'stop' || (next?.do === 'retry' && next.within === 'lease');
}

/** Nobody believes in a lease that the server does not count. */
export function judgeBeliefs(plays: readonly Play[], server: ServerLog): Finding[] {
  const toServer = (ms: number): number => serverMs(server, ms);
  const beliefs = plays.flatMap((play) =>
    play.samples
      .filter(({ holdsLease }) => holdsLease)
      .map(({ askedMs, atMs }) => ({
        program: play.name,
        machine: play.fingerprint,
        sessionId: sessionAt(play, atMs) ?? 'ses_never',
        // It was true at some moment between the two: false only if the server counted the seat at none of them.
        fromMs: toServer(atMs),
        toMs: toServer(askedMs),
      })),
  );
  const confirmed = plays.flatMap(({ name, fingerprint, seen }) =>
    seen.flatMap(({ reached }): Confirmed[] => {
      const { session_id: sessionId, expires_at: expiresAt } = reached?.body ?? {};
      if (reached === undefined || typeof sessionId !== 'string' || typeof expiresAt !== 'string') return [];
      const atMs = toServer(reached.atMs);
      const expiresAtMs = Date.parse(expiresAt);
      return [{ program: name, machine: fingerprint, sessionId, atMs, expiresAtMs }];
    }),
  );
  const refusals = plays.flatMap(({ name, seen }) =>
    seen.flatMap(({ operation, body, told }): Refused[] => {
      if (operation !== 'heartbeat' || told?.body?.code !== 'SESSION_NOT_FOUND') return [];
      // The client needs a moment to read it.
      return [{ program: name, sessionId: String(body?.session_id), atMs: toServer(told.atMs) + SLACK_MS }];
    }),
  );
  const { licenseId, max: limit, events } = server;
  const found = findFalseBeliefs({ beliefs, refusals, confirmed, events, licenses: [{ licenseId, limit }] });
  return found.map(({ kind, of, detail }) => {
    return { rule: 'no false belief', client: of, atMs: 0, detail: `${kind}: ${detail} (server's clock)` };
  });
}

/** The program may run only with a lease, or with a grace. */
export function judgeRunning(play: Play, server: ServerLog): Finding[] {
  const found = play.samples.find(
    (sample) => sample.mayRun && !sample.holdsLease && !mayRun(play, sample, server),
  );
  if (!found) return [];
  const detail = `may_run (state ${found.state}) without a lease, and no grace applies`;
  return [{ rule: 'may_run only with lease or grace', client: play.name, atMs: found.atMs, detail }];
}

function mayRun(play: Play, { askedMs, atMs, holdsLease }: Sample, server: ServerLog): boolean {
  const session = sessionAt(play, atMs);
  const slackMs = holdsLease === undefined ? SIGNAL_MS : SLACK_MS;
  if (isHeldAt(session, server, serverMs(server, askedMs - slackMs), serverMs(server, atMs))) return true;
  if (!play.canHaveGrace) return false;
  const known = play.seen.filter(({ told }) => told !== undefined && told.atMs <= askedMs - SLACK_MS);
  const lastWord = known.findLast(({ operation, told }) => {
    const isWord = operation === 'heartbeat' || operation === 'acquire';
    return isWord && told?.isGood && (told.status < 300 || isDenial(told));
  });
  return lastWord === undefined || !isDenial(lastWord.told);
}

function isHeldAt(session: string | undefined, { events }: ServerLog, fromMs: number, toMs: number): boolean {
  let since: number | undefined;
  for (const { type, sessionId, atMs } of events.toSorted((a, b) => a.atMs - b.atMs)) {
    if (sessionId !== session) continue;
    if (/acquired|revived|borrowed/.test(type)) since ??= atMs;
    else if (/expired|released|evicted/.test(type)) {
      if (since !== undefined && since <= toMs && fromMs <= atMs) return true;
      since = undefined;
    }
  }
  return since !== undefined && since <= toMs;
}

/** State, may_run and holds_lease agree. */
export function judgeStates({ name, samples }: Play): Finding[] {
  const wrong = samples.find(({ state, mayRun: may, holdsLease }) => {
    const shouldRun = state === 'online' || state === 'offline';
    const isKnown = shouldRun || ['expired', 'released', 'none'].includes(state);
    return !isKnown || may !== shouldRun || (holdsLease === true && !may);
  });
  if (!wrong) return [];
  const detail = `state ${wrong.state}, may_run ${wrong.mayRun}, holds_lease ${wrong.holdsLease}`;
  return [{ rule: 'state, may_run and holds_lease agree', client: name, atMs: wrong.atMs, detail }];
}

/** `lost` comes only after a definite answer, or after three failed tries. */
export function judgeLost(play: Play): Finding[] {
  return play.events.flatMap(({ event, atMs, code }): Finding[] => {
    if (event !== 'lost' || code === 'CLOCK_ROLLED_BACK') return [];
    const asks = play.seen.filter((one) => isAsk(one) && one.atMs <= atMs);
    const last = asks.at(-1);
    const isDefinite = asks.some(
      ({ told }, i) => isDenial(told) && asks.slice(i + 1).every((later) => !isGrant(later)),
    );
    const failed = asks.slice(-3).filter((one) => !isGrant(one)).length;
    if (last === undefined || isDefinite || failed === 3) return [];
    const detail = `lost (${code}) after ${failed} failed tries and no definite answer`;
    return [{ rule: 'lost only for a reason', client: play.name, atMs, detail }];
  });
}

/** Requests are as the protocol says. */
export function judgeFields(play: Play): Finding[] {
  return play.seen.flatMap((one, i): Finding[] => {
    const { operation, headers, body, atMs } = one;
    const wrong = (detail: string): Finding => {
      return { rule: 'requests are right', client: play.name, atMs, detail: `${operation}: ${detail}` };
    };
    if (operation === 'other') return [wrong(`${one.method} ${one.path} is not in the protocol`)];
    const found: string[] = [];
    const isPublic = operation === 'keys' || operation === 'revocations';
    if (!isPublic && headers.authorization !== `License ${play.licenseKey}`)
      found.push('no "Authorization: License …"');
    if (headers.cookie !== undefined) found.push('has cookies');
    if (operation === 'acquire' && body?.fingerprint !== play.fingerprint)
      found.push(`fingerprint ${body?.fingerprint}, not SEATLEASE_FINGERPRINT`);
    if (
      one.method !== 'DELETE' &&
      one.method !== 'GET' &&
      !/^application\/json\b/.test(headers['content-type'] ?? '')
    )
      found.push(`content-type ${headers['content-type']}`);
    if (operation === 'heartbeat') {
      const grants = play.seen
        .slice(0, i)
        .filter((each) => isAsk(each) && isGrant(each) && (each.told?.atMs ?? 0) < atMs - 100);
      const told = grants.at(-1)?.told?.body;
      const known = play.seen.flatMap(({ told: each }) => (each ? [each.body?.session_id] : []));
      if (!known.includes(body?.session_id)) found.push(`session_id ${body?.session_id} was never granted`);
      if (
        told &&
        body?.session_id === told.session_id &&
        body?.session_token !== told.session_token &&
        !isDisturbed(play, atMs, atMs)
      )
        found.push('session_token is not the newest one');
    }
    return found.map(wrong);
  });
}

/** The same instance while a seat is held or asked for, a fresh one in each new holding. */
export function judgeInstances(play: Play): Finding[] {
  const found: Finding[] = [];
  const wrong = (atMs: number, detail: string): void => {
    found.push({ rule: 'one instance a holding', client: play.name, atMs, detail });
  };
  const acquires = play.seen.filter(({ operation }) => operation === 'acquire');
  const used = new Set<unknown>();
  let holding: number | undefined;
  let instance: unknown;
  let mayBeFresh = true;
  let wasGranted = false;
  for (const one of acquires) {
    const { body, atMs, told } = one;
    const of = play.acquires.findLast((each) => each <= atMs);
    const isNew = of !== holding;
    if (isNew) mayBeFresh = true;
    const id = body?.instance_id;
    if (typeof id !== 'string' || id.length < 16 || id.length > 64) {
      wrong(atMs, `instance_id ${JSON.stringify(id)} is not a random id`);
      continue;
    }
    if (id !== instance) {
      if (!mayBeFresh) wrong(atMs, 'another instance_id while the seat is held or asked for');
      if (used.has(id)) wrong(atMs, 'an instance_id of an earlier holding');
    }
    if (id === instance && isNew && wasGranted) wrong(atMs, 'the instance_id of the last holding');
    wasGranted = isGrant(one) || (wasGranted && id === instance);
    used.add(id);
    holding = of;
    instance = id;
    // Nothing was granted to it, so that it need not be sent again.
    mayBeFresh = told?.isGood === true && nextAfter(told, false)?.do === 'stop';
  }
  return found;
}

function isDisturbed({ disturbances }: Play, fromMs: number, toMs: number): boolean {
  return disturbances.some((one) => one.fromMs <= toMs && fromMs <= one.toMs);
}

/**
 * The interval as a client computes it from the answer. Near the license's end it is shorter, and up to a second shorter than
 * the server means: `ttl` is rounded down, `expires_at` is not.
 */
function dueOf({ told }: Seen): number | undefined {
  const { ttl, ttl_extended_to, expires_at, next_heartbeat_due } = told?.body ?? {};
  const ms = Number(ttl ?? ttl_extended_to) * 1000;
  const dueMs = ms - (Date.parse(String(expires_at)) - Date.parse(String(next_heartbeat_due)));
  return Number.isNaN(dueMs) ? undefined : dueMs;
}

/**
 * A heartbeat is due one interval after the last grant was asked for, and at most a tenth earlier. Where a request of a busy
 * machine arrives late, the interval before it is as much too long as the next one is too short.
 */
export function judgeBeats(play: Play): Finding[] {
  const asks = play.seen.filter(isAsk);
  const dueAfter = (grant: Seen): number => Math.min(dueOf(grant) ?? play.heartbeatMs, play.heartbeatMs);
  return asks.flatMap((one, i): Finding[] => {
    const [earlier, before] = [asks[i - 2], asks[i - 1]];
    if (one.operation !== 'heartbeat' || before === undefined || !isGrant(before)) return [];
    const wasLateMs =
      earlier && isGrant(earlier) ? Math.max(before.atMs - earlier.atMs - dueAfter(earlier), 0) : 0;
    const passedMs = one.atMs - before.atMs + Math.max(before.lagMs ?? 0, wasLateMs);
    const dueMs = dueAfter(before);
    if (isDisturbed(play, before.atMs, one.atMs) || passedMs >= dueMs * 0.9 - SLACK_MS) return [];
    const detail = `a heartbeat ${passedMs} ms after the last grant; ${dueMs} ms are due`;
    return [{ rule: 'beats are not early', client: play.name, atMs: one.atMs, detail }];
  });
}

/**
 * Nobody hammers. Full jitter allows a few quick tries: of the sums of three random waits of at most 1, 2 and 4 s, one in
 * fifty is below a second.
 */
const MOST_IN_MS = [
  [1_000, 5],
  [10_000, 14],
  [60_000, 30],
] as const;

export function judgePace({ name, seen, acquires }: Play): Finding[] {
  const holdings = Map.groupBy(
    seen.filter((one) => isAsk(one) && !isGrant(one)),
    ({ atMs }) => acquires.findLast((each) => each <= atMs),
  );
  return [...holdings.values()].flatMap((failed) =>
    MOST_IN_MS.flatMap(([windowMs, most]): Finding[] => {
      const from = failed.find(
        ({ atMs }, i) => (failed[i + most]?.atMs ?? Number.POSITIVE_INFINITY) - atMs < windowMs,
      );
      if (!from) return [];
      const detail = `more than ${most} failed tries within ${windowMs / 1000} s`;
      return [{ rule: 'no hammering', client: name, atMs: from.atMs, detail }];
    }).slice(0, 1),
  );
}

/** From the call on the seat is not used, and not extended. */
export function judgeRelease(play: Play): Finding[] {
  return play.releases.flatMap((atMs): Finding[] => {
    const againMs = play.acquires.find((each) => each > atMs) ?? Number.POSITIVE_INFINITY;
    const rule = 'a released seat is not used';
    const used = play.samples.find((one) => one.askedMs > atMs && one.atMs < againMs && one.mayRun);
    const beat = play.seen.find((one) => isAsk(one) && one.atMs > atMs + SLACK_MS && one.atMs < againMs);
    return [
      ...(used ? [{ rule, client: play.name, atMs: used.atMs, detail: 'may_run after the release' }] : []),
      ...(beat
        ? [{ rule, client: play.name, atMs: beat.atMs, detail: `${beat.operation} after the release` }]
        : []),
    ];
  });
}

/** No credential is in an address or in what the client prints. */
export function judgeSecrets({ name, seen, printed, licenseKey }: Play): Finding[] {
  const rule = 'credentials stay secret';
  const secret = licenseKey.split('_').at(-1) ?? licenseKey;
  const inAddress = seen.find(({ path }) => path.includes(secret) || path.includes('st1.'));
  const isPrinted = printed.includes(secret) || /\bst1\.[\w-]{20}/.test(printed);
  return [
    ...(inAddress
      ? [{ rule, client: name, atMs: inAddress.atMs, detail: `in the address ${inAddress.method}` }]
      : []),
    ...(isPrinted ? [{ rule, client: name, atMs: 0, detail: 'in what it prints' }] : []),
  ];
}
