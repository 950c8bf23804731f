import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { type Newcomer, newcomer, type StartedServer } from './checks/newcomer.ts';

const Audit = z.object({ events: z.array(z.object({ type: z.string() })) });

describe('npm start', () => {
  let user: Newcomer;
  let server: StartedServer;
  beforeAll(async () => {
    user = await newcomer();
    server = await user.start();
  });
  afterAll(() => user.leave());

  const demo = () => JSON.parse(readFileSync(join(user.folder, '.seatlease', 'demo.json'), 'utf8'));

  test('prints its story before any log line', () => {
    const printed = server.printed.split('\n').filter((line) => line !== '' && !line.startsWith('> '));
    expect(printed[0]).toMatch(/^Seatlease is ready at http:/);
    expect(server.printed.split('Stop with Ctrl-C')[0]).not.toContain('"severity"');
  });

  test('logs each later request as one line of JSON', async () => {
    const { url } = demo();
    await fetch(`${url}/health`, { headers: { 'x-request-id': '3b9d6a1c-88f0-4f6e-b1d7-90c2e4a7f532' } });
    await expect.poll(() => server.output()).toContain('"request_id":"3b9d6a1c-88f0-4f6e-b1d7-90c2e4a7f532"');
  });

  test('refuses names that only resolve to this machine', async () => {
    const { status } = await user.paste(
      `curl -sf -H 'Host: evil.example' ${demo().url}/health || exit 7; echo served`,
    );
    expect(status).toBe(7);
  });

  test('prints three lines that acquire, keep and release a seat when pasted', async () => {
    const lines = server.printed.split('\n').filter((line) => line.includes('curl '));
    expect(lines).toHaveLength(3);
    const { status, output } = await user.paste(lines.join('\n'));
    expect(status, output).toBe(0);
    expect(output).toContain('"status":"heartbeat_acknowledged"');
    expect(output).toMatch(/^204$/m);
  });

  test('grants the three seats of its demo license and refuses a fourth', async () => {
    const { url, license_key } = demo();
    const statuses = [];
    for (const fingerprint of ['a', 'b', 'c', 'd']) {
      const response = await fetch(`${url}/api/v1/licenses/acquire`, {
        method: 'POST',
        headers: { authorization: `License ${license_key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fingerprint }),
      });
      statuses.push(response.status);
    }
    expect(statuses).toEqual([201, 201, 201, 409]);
  });

  test('records events in the audit log without a request', async () => {
    const { url, operator_key, license_id } = demo();
    let types: string[] = [];
    // The test's own time limit ends this loop if no event is recorded.
    while (!types.includes('session.acquired')) {
      const response = await fetch(`${url}/api/v1/audit?license_id=${license_id}`, {
        headers: { authorization: `Operator ${operator_key}` },
      });
      const { events } = z.parse(Audit, await response.json());
      types = events.map(({ type }) => type);
      await sleep(50);
    }
    expect(types).toContain('license.created');
  });

  test('refuses a second start on the same data folder, and names the server that runs', async () => {
    await expect(user.start()).rejects.toThrow(
      `The data folder .seatlease is already used by the server at ${demo().url} (process `,
    );
  });

  test('starts again on the data folder of a server that was killed, for the same license', async () => {
    const before = demo();
    await server.kill();
    expect(existsSync(join(user.folder, '.seatlease', 'server.json'))).toBe(true);

    server = await user.start();
    expect(demo().license_id).toBe(before.license_id);
  });

  test('keeps the files of its data folder from other users', () => {
    const folder = join(user.folder, '.seatlease');
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(names).toEqual(expect.arrayContaining(['demo.json', 'demo-license.json', 'secrets.json']));
    const open = ['.', ...names].filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0);
    expect(open).toEqual([]);
  });

  test('stops cleanly on Ctrl-C, and finds its records when it starts again', async () => {
    const before = demo();
    expect(await server.interrupt()).toContain('Stopped.');
    expect(existsSync(join(user.folder, '.seatlease', 'demo.json'))).toBe(false);

    server = await user.start();
    const { url, operator_key, license_id } = demo();
    expect(license_id).toBe(before.license_id);
    const response = await fetch(`${url}/api/v1/licenses/${license_id}`, {
      headers: { authorization: `Operator ${operator_key}` },
    });
    expect(await response.json()).toMatchObject({ license_id, max: 3, seats: { active: 0, max: 3 } });
  });
});
