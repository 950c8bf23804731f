import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isFree } from '../../functions/testing/is-free.ts';
import { openTestSuite, type TestLicense, type TestSuite } from '../../functions/testing/suite.ts';

let suite: TestSuite;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());

/** Of one seat. */
let license: TestLicense;
let temp: string;
beforeEach(async () => {
  license = await suite.createLicense({ max: 1 });
  temp = await mkdtemp(join(tmpdir(), 'seatlease-runner-'));
});
afterEach(async () => {
  // A process that a failed test leaves behind ends when its folder is gone.
  await rm(temp, { recursive: true, force: true });
});

interface Step {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; output: string }>;
  says(text: string): Promise<void>;
}

/** A job on a runner: what GitHub's runner sets for the steps of an action, and reads after each. */
class Job {
  readonly #variables: NodeJS.ProcessEnv;
  readonly #inputs: NodeJS.ProcessEnv;
  state: Record<string, string> = {};
  outputs: Record<string, string> = {};
  variables: Record<string, string> = {};

  constructor(inputs: Record<string, string> = {}, job = 'build') {
    this.#variables = {
      PATH: process.env.PATH,
      RUNNER_TEMP: temp,
      RUNNER_NAME: 'GitHub Actions 7',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'octo/widgets',
      GITHUB_RUN_ID: '123456789',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_JOB: job,
    };
    const given = { url: suite.url, 'license-key': license.key, wait: '0', ...inputs };
    this.#inputs = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    );
  }

  /** `through`: a command that stands for the runner, as the parent of the step. */
  async start(name: 'main' | 'post', through: readonly string[] = []): Promise<Step> {
    const files = ['STATE', 'OUTPUT', 'ENV'].map((kind) => join(temp, `${name}_${kind}`));
    for (const file of files) await writeFile(file, '');
    const [state = '', output = '', env = ''] = files;
    const [command = '', ...args] = [...through, process.execPath, `clients/action/dist/${name}.mjs`];
    const child = spawn(command, args, {
      env: {
        ...this.#variables,
        ...this.#inputs,
        ...Object.fromEntries(Object.entries(this.state).map(([key, value]) => [`STATE_${key}`, value])),
        GITHUB_STATE: state,
        GITHUB_OUTPUT: output,
        GITHUB_ENV: env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    const heard = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data) => {
        text += data;
        for (const look of heard) look();
      });
    // "close", as a runner waits: a process that keeps the output open would hang the step.
    const ended = once(child, 'close').then(async ([code]) => {
      this.state = { ...this.state, ...(await readPairs(state)) };
      this.outputs = await readPairs(output);
      this.variables = await readPairs(env);
      return { code: code as number | null, output: text };
    });
    return {
      child,
      ended,
      says: (part) =>
        new Promise((resolve) => {
          const look = (): void => void (text.includes(part) && resolve());
          heard.add(look);
          look();
        }),
    };
  }

  async run(name: 'main' | 'post') {
    return (await this.start(name)).ended;
  }
}

/** The lines of a file of the runner: `name<<delimiter`, the value, and the delimiter. */
async function readPairs(file: string): Promise<Record<string, string>> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return Object.fromEntries(
    [...text.matchAll(/^([\w-]+)<<(.+)\n([\s\S]*?)\n\2$/gm)].map(([, name, , value]) => [name, value]),
  );
}

async function eventually(isSo: () => Promise<boolean>, withinMs = 8_000): Promise<boolean> {
  for (const untilMs = performance.now() + withinMs; performance.now() < untilMs; await sleep(100))
    if (await isSo()) return true;
  return false;
}

function reported(job: Job): Promise<string> {
  return readFile(join(job.state.folder ?? '', 'report.json'), 'utf8');
}

/** The process that holds the seat. */
async function holder(job: Job): Promise<number> {
  return JSON.parse(await reported(job)).pid;
}

describe('a job', () => {
  test('holds a seat from the main step to the post step', async () => {
    const job = new Job();
    const begun = await job.run('main');
    expect(begun).toMatchObject({ code: 0, output: expect.stringContaining('Got a seat') });
    expect(job.outputs['session-id']).toMatch(/^ses_/);
    expect(await isFree(license)).toBe(false);
    const ended = await job.run('post');
    expect(ended).toEqual({ code: 0, output: 'The seat is released.\n' });
    expect(await isFree(license)).toBe(true);
  });

  test('shares its seat with the programs of later steps, and with no other job', async () => {
    const job = new Job();
    await job.run('main');
    const { body, status } = await license.acquire(job.variables.SEATLEASE_FINGERPRINT ?? '');
    expect([status, body.seats]).toEqual([200, { active: 1, max: 1 }]);
    await license.release(body.session_id);
    const other = new Job({}, 'test');
    const denied = await other.run('main');
    expect(denied).toMatchObject({
      code: 1,
      output: expect.stringContaining('::error::No seat: SEATS_EXHAUSTED'),
    });
    await job.run('post');
  });

  test('masks the license key before anything else, and never prints it again', async () => {
    const job = new Job();
    const { output } = await job.run('main');
    expect(output.startsWith(`::add-mask::${license.key}\n`)).toBe(true);
    expect(output.split(license.key)).toHaveLength(2);
    for (const file of await readdir(job.state.folder ?? ''))
      expect(await readFile(join(job.state.folder ?? '', file), 'utf8').catch(() => '')).not.toContain(
        license.key,
      );
    await job.run('post');
  });

  test('that waits gets the seat of another job when that one ends', async () => {
    // The client waits for the end of the next lease before it asks again.
    license = await suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 5 });
    const first = new Job({}, 'first');
    await first.run('main');
    const second = new Job({ wait: '60' }, 'second');
    const step = await second.start('main');
    await step.says('Waiting for a seat.');
    await first.run('post');
    expect((await step.ended).code).toBe(0);
    await second.run('post');
    expect(await isFree(license)).toBe(true);
  });

  test('that is canceled while it waits gets no seat, and its post step has nothing to do', async () => {
    const first = new Job({}, 'first');
    await first.run('main');
    const second = new Job({ wait: 'true' }, 'second');
    const step = await second.start('main');
    await step.says('Waiting for a seat.');
    step.child.kill('SIGINT');
    expect((await step.ended).code).toBe(1);
    await first.run('post');
    expect(await second.run('post')).toMatchObject({ code: 0 });
    expect(await isFree(license)).toBe(true);
  });

  test('that is canceled after it got its seat releases it in the post step', async () => {
    const job = new Job();
    await job.run('main');
    // The runner cancels the step that runs, a later one, and then runs the post steps.
    await job.run('post');
    expect(await isFree(license)).toBe(true);
  });

  test('whose main step is killed while it waits releases what it gets', async () => {
    const first = new Job({}, 'first');
    await first.run('main');
    const second = new Job({ wait: 'true' }, 'second');
    const step = await second.start('main');
    await step.says('Waiting for a seat.');
    step.child.kill('SIGKILL');
    await step.ended;
    await first.run('post');
    await second.run('post');
    expect(await eventually(() => isFree(license))).toBe(true);
  });

  test('whose runner is killed gives its seat back', async () => {
    const job = new Job();
    // The shell is the runner: it starts the step, and is killed while a later one runs.
    const runner = await job.start('main', [
      // Unlike dash, it passes on variables with a hyphen in their names.
      'bash',
      '-c',
      '"$@"; echo main has ended; sleep 60 >&- 2>&- & wait',
      'runner',
    ]);
    await runner.says('main has ended');
    expect(await isFree(license)).toBe(false);
    runner.child.kill('SIGKILL');
    expect(await eventually(() => isFree(license))).toBe(true);
  });

  test('whose temporary folder the runner has deleted gives its seat back', async () => {
    await new Job().run('main');
    await rm(temp, { recursive: true, force: true });
    expect(await eventually(() => isFree(license))).toBe(true);
  });

  test('whose holding process was killed ends with a warning, and does not fail', async () => {
    const job = new Job();
    await job.run('main');
    process.kill(await holder(job), 'SIGKILL');
    const { code, output } = await job.run('post');
    expect([code, output]).toEqual([
      0,
      expect.stringMatching(/^::warning::The process that held the seat has ended/),
    ]);
  });

  test('whose seat expired and was taken again ends with a note of it, and with no warning', async () => {
    license = await suite.createLicense({ max: 1, ttl_seconds: 10, heartbeat_seconds: 5 });
    const job = new Job();
    await job.run('main');
    const pid = await holder(job);
    process.kill(pid, 'SIGSTOP');
    expect(await eventually(() => isFree(license), 20_000)).toBe(true);
    process.kill(pid, 'SIGCONT');
    expect(await eventually(async () => (await reported(job)).includes('reacquired'))).toBe(true);
    const { code, output } = await job.run('post');
    expect([code, output]).toEqual([0, expect.stringMatching(/^20\d\d-.* The seat was taken again\.$/m)]);
    expect(output).not.toContain('::warning::');
  });

  test('that has lost its seat for good ends with a warning that says since when and why', async () => {
    license = await suite.createLicense({ max: 1, ttl_seconds: 60, heartbeat_seconds: 2 });
    const job = new Job();
    await job.run('main');
    const evicted = await suite.operate('DELETE', `/api/v1/licenses/sessions/${job.outputs['session-id']}`);
    expect(evicted.status).toBe(204);
    expect(await eventually(async () => (await reported(job)).includes('lost'))).toBe(true);
    const { code, output } = await job.run('post');
    expect([code, output]).toEqual([
      0,
      expect.stringMatching(
        /::warning::20\d\d-.* The seat was lost \(SESSION_NOT_FOUND\) for good\. The rest/,
      ),
    ]);
  });
});

describe('the main step fails, and the post step does nothing,', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['without a license key', { 'license-key': '' }, /^::error::The input license-key is empty/m],
    ['without an address', { url: ' ' }, /^::error::The input url is empty/m],
    ['with an address that is none', { url: 'licenses' }, /^::error::No seat: .*/m],
    [
      'with a wait that is no number',
      { wait: 'soon' },
      /^::error::The input wait must be seconds, or true\. It is "soon"/m,
    ],
    ['with broken keys', { 'public-keys': '{"keys"' }, /^::error::The input public-keys is neither/m],
    ['with an unknown key', { 'license-key': 'slk_x_y' }, /^::error::No seat: CREDENTIALS_INVALID/m],
    [
      'when nothing answers',
      { url: 'http://127.0.0.1:9' },
      /^::error::No seat: NO_ANSWER: .*127\.0\.0\.1:9/m,
    ],
  ])('%s', async (_, inputs, message) => {
    const job = new Job(inputs);
    const { code, output } = await job.run('main');
    expect([code, output]).toEqual([1, expect.stringMatching(message)]);
    expect(await job.run('post')).toEqual({ code: 0, output: '' });
  });
});
