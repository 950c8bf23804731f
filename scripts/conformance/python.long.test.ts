import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { playAll, type Result } from './run.ts';
import { oneOfEachRow, SCENARIOS } from './scenarios.ts';

const AGENT = 'clients/python/conformance/agent.py';
const SOURCE = 'clients/python/src';

interface Fault {
  readonly name: string;
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  /** The scenario that must find it. */
  readonly foundBy: string;
}

/** What authors of clients get wrong: each is one edit of the Python client. */
const FAULTS: readonly Fault[] = [
  {
    name: 'counts the lease from the answer',
    file: '_server.py',
    right: 'return read(response.body), sent_at',
    wrong: 'return read(response.body), self._stopwatch.read()',
    foundBy: 'P3/acquire',
  },
  {
    name: 'gives up after one 503',
    file: '_errors.py',
    right: '    ended = BY_ENDED',
    wrong: '    if error.status == 503:\n        return Next("stop")\n    ended = BY_ENDED',
    foundBy: 'C1/SEATS_UNAVAILABLE',
  },
  {
    name: 'chooses a new instance in each repeat',
    file: '_client.py',
    right: '                last = error\n',
    wrong: '                last = error\n                seat._instance_id = str(uuid.uuid4())\n',
    foundBy: 'P2',
  },
  {
    name: 'takes any 200 for an answer to a heartbeat',
    file: '_answers.py',
    right: '    if fields.get("session_id") != session_id:',
    wrong:
      '    if not fields:\n        return Extension("st1.x", 10, 3, 0.0, None, False)\n    if fields.get("session_id") != session_id:',
    foundBy: 'P6/empty-200',
  },
  {
    name: 'ignores Retry-After',
    file: '_time.py',
    right: 'return 0.0 if backoff == "seat" else min(float(retry_after or 0), _LONGEST_RETRY_AFTER_SECONDS)',
    wrong: 'return 0.0',
    foundBy: 'P9/once',
  },
  {
    name: 'measures time by the wall clock alone',
    file: '_time.py',
    right: '        now = elapsed + max(',
    wrong: '        return by_wall\n        now = elapsed + max(',
    foundBy: 'P36/back',
  },
  {
    name: 'acquires again after it was evicted',
    file: '_errors.py',
    right: 'BY_ENDED.get(f"{code} {error.members.get(\'ended\')}") or BY_ENDED',
    wrong: 'BY_ENDED',
    foundBy: 'P16/program',
  },
  {
    name: 'trusts a license of a key that is not built in',
    file: '_license.py',
    right:
      'signer = next((key for key in keys if key.kid in (None, kid) and verify(key, signed, message)), None)',
    wrong: 'signer = keys[0]',
    foundBy: 'P42/other-key',
  },
  {
    name: 'retries without a pause',
    file: '_time.py',
    right: 'return least_seconds(backoff, retry_after) + jitter',
    wrong: 'return 0.01',
    // Not P10: its outage may end before there are enough tries to tell.
    foundBy: 'P14',
  },
  {
    name: 'uses the grace although the license grants no seat',
    file: '_seat.py',
    right: 'self._is_barred or step.within == "lease"',
    wrong: 'False',
    foundBy: 'P22',
  },
];

const folder = mkdtempSync(join(tmpdir(), 'seatlease-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PLAYABLE = SCENARIOS.filter(({ kinds }) => kinds.includes('agent'));

function play(command: string, ids: readonly string[]): Promise<Result[]> {
  const scenarios = PLAYABLE.filter(({ id }) => ids.includes(id));
  expect(scenarios.length).toBe(ids.length);
  const isRequired = process.env.REAL_PARTS === 'required';
  return playAll({ kind: 'agent', command, scenarios, atOnce: 8, without: [], isRequired });
}

/** A copy of the client with the fault. */
function faultyCopy({ name, file, right, wrong }: Fault): string {
  const copy = join(folder, name.replaceAll(' ', '-'));
  cpSync(SOURCE, copy, { recursive: true });
  const path = join(copy, 'seatlease', file);
  const source = readFileSync(path, 'utf8');
  expect(source.split(right).length, `${file} has the line of "${name}" once`).toBe(2);
  writeFileSync(
    path,
    source.replace(right, () => wrong),
  );
  return `python3 ${AGENT} ${copy}`;
}

describeReal('python3', 'the Python client and the conformance kit', () => {
  test.concurrent('the client keeps the promises of each row of protocol.md', async () => {
    const results = await play(
      `python3 ${AGENT}`,
      oneOfEachRow('agent').map(({ id }) => id),
    );
    const broken = results.filter(({ verdict }) => verdict === 'FAIL');
    expect(broken.map(({ id, because }) => `${id}: ${because.join('; ')}`)).toEqual([]);
    expect(results.length).toBeGreaterThan(45);
  });

  test.concurrent.each(FAULTS)('the kit finds a client that $name', async (fault) => {
    const results = await play(faultyCopy(fault), [fault.foundBy]);
    expect(results.map(({ verdict }) => verdict)).toEqual(['FAIL']);
  });
});
