import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CommandError } from '../../clients/command-line/errors.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import { secretId } from '../../infra/names.ts';
import { readSettings } from '../../infra/read-settings.ts';
import { configuredIn } from '../../infra/stack-file.ts';
import { SETTINGS } from '../../shared/settings.ts';
import { httpAnswers } from './answers.ts';
import { secretsIn } from './areas/secrets.ts';
import { AREAS, runDoctor } from './run.ts';
import type { Recorded } from './testing/case.ts';
import { answersOf, answerTo, GIVEN, NOW, requestOf } from './testing/recorded.ts';

const TOKEN = 'ya29.the-access-token';
const { UPSTASH_EMAIL, UPSTASH_API_KEY } = GIVEN;

let server: Server;
let recorded: Recorded[];
/** Host, `Authorization` and paying project of each request. */
let asked: { host: string; authorization: string | undefined; project: unknown }[];

beforeEach(async () => {
  recorded = [...secretValues(), ...AREAS.flatMap(({ name }) => answersOf(name))];
  asked = [];
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const [, host = '', path] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? '') ?? [];
    const { authorization, 'x-goog-user-project': project } = request.headers;
    asked.push({ host, authorization, project });
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
    const answer =
      scriptLoaded(body) ??
      answerTo(requestOf(request.method ?? '', `https://${host}${path}`, body), recorded);
    response.writeHead(
      answer?.status ?? 501,
      answer?.location === undefined ? {} : { location: answer.location },
    );
    response.end(JSON.stringify(answer?.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

/** https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access */
function secretValues(): Recorded[] {
  const known: Readonly<Record<string, string | undefined>> = GIVEN;
  const settings = readSettings(configuredIn('prod'), MANIFEST);
  return secretsIn(settings).map((name) => {
    const value = known[name] ?? SETTINGS[name].sample ?? `${name}-`.padEnd(40, 'x');
    const version = `projects/my-project/secrets/${secretId(name)}/versions/${settings.secretVersions[name]}`;
    return {
      source:
        'https://docs.cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access',
      request: `GET https://secretmanager.googleapis.com/v1/${version}:access`,
      status: 200,
      body: { name: version, payload: { data: Buffer.from(value).toString('base64') } },
    };
  });
}

function scriptLoaded(body: unknown) {
  if (!Array.isArray(body) || body[0] !== 'SCRIPT') return undefined;
  return {
    status: 200,
    location: undefined,
    body: { result: createHash('sha1').update(body[2]).digest('hex') },
  };
}

async function doctor(args: readonly string[], environment = {}, accessToken = async () => TOKEN) {
  const printed: string[] = [];
  const errors: string[] = [];
  const { port } = server.address() as AddressInfo;
  const exit = await runDoctor(
    args,
    environment,
    { print: (text) => void printed.push(text), printError: (text) => void errors.push(text) },
    {
      answers: httpAnswers((url) => url.replace('https:/', `http://127.0.0.1:${port}`)),
      accessToken,
      now: () => NOW,
    },
  );
  return { exit, printed: printed.join('\n'), errors: errors.join('\n') };
}

/** Has Google answer otherwise. */
function answer(request: string, status: number, body: unknown): void {
  recorded.unshift({ source: 'a test', request, status, body });
}

const ALL = ['--stack', 'prod', '--read-secrets'];

describe('the doctor', () => {
  test('examines a healthy stack, with the secrets of the project, and exits with 0', async () => {
    const { exit, printed, errors } = await doctor(ALL, { UPSTASH_EMAIL, UPSTASH_API_KEY });
    expect([exit, errors]).toEqual([0, '']);
    expect(printed).not.toMatch(/ERROR|WARNING|UNKNOWN/);
    for (const { name } of AREAS) expect(printed).toContain(`${name}\n  ok `);
    expect(printed).toContain(
      '  ok       project: The project my-project exists and has the number 100000000002.\n',
    );
    expect(printed).toMatch(/\n\n0 error, 0 warning, 0 unknown, \d+ ok\.$/);
  });

  test('sends your credentials to Google alone, and names the project that pays', async () => {
    await doctor(ALL, { UPSTASH_EMAIL, UPSTASH_API_KEY });
    for (const { host, authorization, project } of asked) {
      const isApi = host.endsWith('.googleapis.com');
      expect([host, authorization === `Bearer ${TOKEN}`, project]).toEqual([
        host,
        isApi,
        isApi ? 'my-project' : undefined,
      ]);
    }
    expect(new Set(asked.map(({ host }) => host)).size).toBeGreaterThan(15);
  });

  test('reads no secret unless --read-secrets lets it', async () => {
    const { exit, printed } = await doctor(['--stack', 'prod']);
    expect(exit).toBe(0);
    expect(printed).toContain('  UNKNOWN  database: The database was not checked');
    expect(printed).toContain('           -> Add --read-secrets, or set UPSTASH_REDIS_REST_URL');
    expect(asked.filter(({ host }) => /upstash|stripe/.test(host))).toEqual([]);
  });

  test('uses the environment before the secrets', async () => {
    await doctor(['--stack', 'prod'], { STRIPE_SECRET_KEY: 'rk_live_mine' });
    const ofStripe = asked.filter(({ host }) => host === 'api.stripe.com');
    expect(new Set(ofStripe.map(({ authorization }) => authorization))).toEqual(
      new Set(['Bearer rk_live_mine']),
    );
  });

  test('exits with 1 if there is an error, and reports the findings as JSON', async () => {
    answer('GET https://cloudbilling.googleapis.com/v1/projects/my-project/billingInfo', 200, {
      billingEnabled: false,
    });
    const { exit, printed } = await doctor([...ALL, '--json'], { UPSTASH_EMAIL, UPSTASH_API_KEY });
    expect(exit).toBe(1);
    const { stack, findings } = JSON.parse(printed);
    expect(stack).toBe('prod');
    expect(findings.filter(({ level }: { level: string }) => level !== 'ok')).toEqual([
      {
        area: 'project',
        check: 'billing',
        level: 'error',
        found: expect.any(String),
        cure: expect.stringContaining('gcloud billing projects link my-project'),
      },
    ]);
  });

  test('checks the rest without your permission to see the functions', async () => {
    const functions = 'projects/my-project/locations/europe-west1/functions';
    answer(`GET https://cloudfunctions.googleapis.com/v2/${functions}`, 403, { error: { code: 403 } });
    const { exit, printed } = await doctor(ALL, { UPSTASH_EMAIL, UPSTASH_API_KEY });
    expect(exit).toBe(0);
    expect(printed).toContain(
      'deployed\n  UNKNOWN  functions: You may not read this (cloudfunctions.googleapis.com).',
    );
    expect(printed).toContain('  ok       billing:');
  });

  test('knows that nothing is deployed while the API of functions is not enabled', async () => {
    const functions = 'projects/my-project/locations/europe-west1/functions';
    const error = { code: 403, details: [{ reason: 'SERVICE_DISABLED' }] };
    answer(`GET https://cloudfunctions.googleapis.com/v2/${functions}`, 403, { error });
    const { printed } = await doctor(['--stack', 'prod']);
    expect(printed).toContain('deployed\n  ok       functions: Nothing is deployed yet.');
  });

  test('never prints a secret, even if an answer repeats it', async () => {
    const values = secretValues().map(({ body }) => {
      const { payload } = body as { payload: { data: string } };
      return Buffer.from(payload.data, 'base64').toString();
    });
    answer(
      'GET https://cloudscheduler.googleapis.com/v1/projects/my-project/locations/europe-west1/jobs/seatlease-sweep',
      200,
      {
        state: `${TOKEN} ${values.join(' ')} ${UPSTASH_API_KEY}`,
      },
    );
    const { exit, printed } = await doctor(ALL, { UPSTASH_EMAIL, UPSTASH_API_KEY });
    expect(exit).toBe(1);
    expect(printed).toContain('The job seatlease-sweep is [secret] [secret]');
    for (const secret of [TOKEN, ...values, UPSTASH_API_KEY]) expect(printed).not.toContain(secret);
  });

  test('exits with 2 without Google credentials', async () => {
    const { exit, errors } = await doctor(ALL, {}, async () => {
      throw new CommandError('You have no Google credentials.');
    });
    expect([exit, errors]).toEqual([2, 'You have no Google credentials.']);
  });

  test.each([[[]], [['--stack', 'nowhere']], [['--stack', '../prod']], [['--stack', 'prod', '--fix']]])(
    'prints its usage for %j and exits with 2',
    async (args) => {
      const { exit, errors } = await doctor(args);
      expect(exit).toBe(2);
      expect(errors).toContain('Usage: npm run doctor -- ');
      expect(asked).toEqual([]);
    },
  );
});
