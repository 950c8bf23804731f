import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { REDIS_INSTANCE } from '../../../infra/names.ts';
import { lockingPrefix } from '../../../shared/adapters/redis/upstash-http.ts';
import { assembleScript, READ_ONLY, VERBS } from '../../../shared/adapters/seats/lua/scripts.ts';
import { type Answer, NoAnswer } from '../answers.ts';
import { type Area, type Asking, type Check, type Stack, settled } from '../check.ts';
import { failed, ok, unknown, type Verdict, warning } from '../finding.ts';
import { found } from '../google.ts';

const Reply = z.object({ result: z.optional(z.unknown()), error: z.optional(z.string()) });
type Reply = z.output<typeof Reply>;

const Databases = z.array(z.object({ database_id: z.string(), endpoint: z.string() }));
const Database = z.object({
  state: z.string(),
  eviction: z.boolean(),
  read_regions: z._default(z.array(z.string()), []),
  db_max_commands_per_second: z.optional(z.number()),
  db_memory_threshold: z.optional(z.number()),
  type: z.optional(z.string()),
});

/** https://docs.cloud.google.com/memorystore/docs/valkey/reference/rest/v1/projects.locations.instances; empty fields are left out. */
const Instance = z.object({
  state: z.string(),
  engineConfigs: z._default(z.record(z.string(), z.string()), {}),
  persistenceConfig: z._default(z.object({ mode: z._default(z.string(), 'DISABLED') }), { mode: 'DISABLED' }),
  replicaCount: z._default(z.number(), 0),
});

const API = 'https://api.upstash.com/v2/redis';
const CONSOLE = 'https://console.upstash.com/redis';
const MIB = 1024 * 1024;

/** A key of this program alone; it expires after a second. */
const PROBE = 'seatlease-doctor';
const FLAGGED = `${lockingPrefix({ isReadOnly: false })}return redis.call('EXISTS', KEYS[1])`;

/**
 * The Redis of the seats. At Upstash: what functions need of it, and the settings of the database. Of a Memorystore instance,
 * which has no address outside its network, only its settings. Of any other nothing: this program speaks only HTTP.
 */
export const REDIS: Area = {
  name: 'Redis',
  checksOf(stack) {
    switch (stack.settings.redis.kind) {
      case 'upstash':
        return checksOfUpstash(stack);
      case 'memorystore':
        return [{ name: 'instance', run: async (ask) => [await checkInstance(ask, stack)] }];
      case 'url':
        return [
          settled(
            'database',
            unknown(
              'The Redis at REDIS_URL was not checked: this program does not speak its protocol.',
              'Check by hand: CONFIG GET maxmemory-policy must answer noeviction. After a deploy, run npm run verify-deploy.',
            ),
          ),
        ];
    }
  },
};

function checksOfUpstash({ given }: Stack): Check[] {
  const [url, token] = [given('UPSTASH_REDIS_REST_URL'), given('UPSTASH_REDIS_REST_TOKEN')];
  if (url === undefined || token === undefined)
    return [
      settled(
        'database',
        unknown(
          'The database was not checked: its address and token are not known to this program.',
          'Add --read-secrets, or set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN.',
        ),
      ),
    ];
  if (!URL.canParse(url))
    return [
      settled(
        'database',
        failed('UPSTASH_REDIS_REST_URL is not a URL.', `Copy it from ${CONSOLE}, section REST.`),
      ),
    ];
  const send = (ask: Asking) => redisSender(ask, url, token);
  return [
    { name: 'token', run: async (ask) => [await checkToken(send(ask))] },
    { name: 'key locking', run: async (ask) => [judgeFlag(await send(ask)('EVAL', FLAGGED, '1', PROBE))] },
    { name: 'scripts', run: async (ask) => [await checkScripts(send(ask))] },
    { name: 'database', run: async (ask) => [await checkDatabase(ask, url, given)] },
  ];
}

async function checkInstance({ google }: Asking, stack: Stack): Promise<Verdict> {
  const { project, region } = stack.settings;
  const url = `https://memorystore.googleapis.com/v1/projects/${project}/locations/${region}/instances/${REDIS_INSTANCE}`;
  try {
    return judgeInstance(found(Instance, await google(url, 'roles/memorystore.viewer')), stack);
  } catch (error) {
    // The deploy enables the API.
    if (error instanceof NoAnswer && error.reason === 'SERVICE_DISABLED')
      return judgeInstance(undefined, stack);
    throw error;
  }
}

function judgeInstance(
  instance: z.output<typeof Instance> | undefined,
  { isDeployed, name }: Stack,
): Verdict {
  const deploy = `npm run deploy -- --stack ${name}`;
  if (!instance)
    return isDeployed
      ? failed('The Memorystore instance does not exist.', `Deploy again: ${deploy}.`)
      : ok('The deploy creates the Memorystore instance.');
  const { state, engineConfigs, persistenceConfig, replicaCount } = instance;
  if (state !== 'ACTIVE')
    return warning(`The Memorystore instance is ${state}.`, 'Wait until it is ACTIVE, and run this again.');
  const policy = engineConfigs['maxmemory-policy'] ?? 'volatile-lru';
  if (policy !== 'noeviction')
    return failed(
      `The maxmemory-policy of the Memorystore instance is ${policy}: a full database deletes keys.`,
      `Let the stack set it back: pulumi refresh, then ${deploy}.`,
    );
  if (persistenceConfig.mode !== 'AOF')
    return warning(
      `The Memorystore instance has the persistence ${persistenceConfig.mode}: a restart loses seats.`,
      `Let the stack set it back: pulumi refresh, then ${deploy}.`,
    );
  if (replicaCount === 0)
    return warning(
      'The Memorystore instance has no replica: when its node fails, no seat is granted until it has restarted.',
      'Set redis.replicas to 1 or more before customers use it.',
    );
  return ok(
    'The Memorystore instance is active, deletes no keys, and keeps them on disk and on replicas. Whether functions reach it is not checked here.',
  );
}

type Send = (...command: string[]) => Promise<Reply>;

function redisSender({ other }: Asking, url: string, token: string): Send {
  return async (...command) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await other({ method: 'POST', url: url.replace(/\/?$/, '/'), headers, body: command });
    return replyOf(answer);
  };
}

function replyOf({ status, body }: Answer): Reply {
  return z.safeParse(Reply, body).data ?? { error: `HTTP ${status}` };
}

async function checkToken(send: Send): Promise<Verdict> {
  const ping = await send('PING');
  if (ping.result !== 'PONG')
    return failed(
      `The database refuses the token (${codeOf(ping)}).`,
      `Copy URL and token from ${CONSOLE}, section REST, into the two secrets.`,
    );
  // Each acquire writes: a read-only token, or a full database, passes PING.
  const written = await send('SET', PROBE, '1', 'EX', '1');
  if (written.result === 'OK') return ok('The database answers, and the token may write.');
  return /NOPERM/.test(written.error ?? '')
    ? failed(
        'The token is read-only.',
        `Copy the standard token from ${CONSOLE}: "Read-Only Token" must be off.`,
      )
    : failed(
        `The database refuses to write (${codeOf(written)}).`,
        `Look at the limits of the database at ${CONSOLE}, and choose a larger plan.`,
      );
}

function judgeFlag(reply: Reply): Verdict {
  if (reply.result === 0 || reply.result === 1)
    return ok('Scripts of different licenses run at the same time.');
  return failed(
    `The engine does not know allow-key-locking (${codeOf(reply)}): it refuses every script.`,
    'Use a database at Upstash, or ask Upstash to update it.',
  );
}

async function checkScripts(send: Send): Promise<Verdict> {
  const loaded = await Promise.all(
    VERBS.map(async (verb) => {
      const source = `${lockingPrefix({ isReadOnly: READ_ONLY.has(verb) })}${assembleScript(verb).source}`;
      const { result } = await send('SCRIPT', 'LOAD', source);
      return { verb, isLoaded: result === createHash('sha1').update(source).digest('hex') };
    }),
  );
  const refused = loaded.filter(({ isLoaded }) => !isLoaded).map(({ verb }) => verb);
  return refused.length === 0
    ? ok(`All ${VERBS.length} scripts of the seats load.`)
    : failed(`These scripts do not load: ${refused.join(', ')}.`, 'Use a database at Upstash.');
}

/** Redis itself does not say: Upstash's CONFIG GET has only `notify-keyspace-events` (its page of that command). */
async function checkDatabase({ other }: Asking, url: string, given: Stack['given']): Promise<Verdict> {
  const [email, key] = [given('UPSTASH_EMAIL'), given('UPSTASH_API_KEY')];
  const byHand = `Look at ${CONSOLE}: eviction must be off, without read regions`;
  if (email === undefined || key === undefined)
    return unknown(
      'Eviction, read regions and limits of the database are not known: only the Upstash API has them.',
      `${byHand}; or set UPSTASH_EMAIL and UPSTASH_API_KEY.`,
    );
  const headers = { authorization: `Basic ${Buffer.from(`${email}:${key}`).toString('base64')}` };
  const { hostname } = new URL(url);
  const { data: list } = z.safeParse(Databases, (await other({ url: `${API}/databases`, headers })).body);
  // The endpoint is a host name, or only its first part.
  const id = list?.find(
    ({ endpoint }) => hostname === endpoint || hostname.startsWith(`${endpoint}.`),
  )?.database_id;
  if (id === undefined)
    return unknown('The account at Upstash of UPSTASH_EMAIL has no such database.', `${byHand}.`);
  const { body } = await other({ url: `${API}/database/${id}?credentials=hide`, headers });
  const database = z.safeParse(Database, body).data;
  return database
    ? judgeDatabase(database)
    : unknown('Upstash does not describe the database.', `${byHand}.`);
}

function judgeDatabase(database: z.output<typeof Database>): Verdict {
  const { state, eviction, read_regions, type, db_max_commands_per_second, db_memory_threshold } = database;
  if (state !== 'active')
    return failed(`The database is ${state}.`, `Look at ${CONSOLE}: a budget or an unpaid bill suspends it.`);
  if (eviction)
    return failed(
      'Eviction is on: a full database deletes seats.',
      `Turn it off at ${CONSOLE}, Configuration.`,
    );
  if (read_regions.length > 0)
    return warning(
      `The database has read regions (${read_regions.join(', ')}): each multiplies the price of a write.`,
      `Remove them at ${CONSOLE}: every call of the seats writes.`,
    );
  const limits = [
    ...(db_max_commands_per_second === undefined ? [] : [`${db_max_commands_per_second} commands a second`]),
    ...(db_memory_threshold === undefined ? [] : [`${Math.floor(db_memory_threshold / MIB)} MiB of memory`]),
  ];
  return type === 'free'
    ? warning(
        `The database is on the free plan (${limits.join(', ')}), which ends at a number of commands a month.`,
        `Choose a paid plan at ${CONSOLE} before customers use it.`,
      )
    : ok(`Eviction is off, and the database has ${limits.join(' and ')}.`);
}

/** The first word of an error: the rest can quote the command. */
function codeOf({ error = 'no error' }: Reply): string {
  return /^(HTTP \d+|\w+)/.exec(error)?.[0] ?? 'no code';
}
