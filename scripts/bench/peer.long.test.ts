import { expect, test } from 'vitest';
import { readOptions } from '../../clients/command-line/options.ts';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { serving } from '../../shared/testing/servers/redis-over-http.ts';
import { keygenRelay } from './keygen-relay.ts';
import { benchOptions } from './options.ts';
import { benchPeer } from './peer.ts';

/** A fake Keygen Relay with this many licenses, as its HTTP API documentation describes. */
async function relay(licenses: number) {
  const claimed = new Set<string>();
  const counts = new Map<string, number>();
  const url = await serving((response, { method = '', url: path = '' }) => {
    const [, node] = /^\/v1\/nodes\/([^/]+)$/.exec(path) ?? [];
    const answer = (status: number): void => {
      counts.set(`${method} ${status}`, (counts.get(`${method} ${status}`) ?? 0) + 1);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status < 300 && status !== 204 ? '{"license_file":"","license_key":""}' : undefined);
    };
    if (node === undefined) return answer(404);
    if (method === 'DELETE') return answer(claimed.delete(node) ? 204 : 404);
    if (method !== 'PUT') return answer(405);
    if (claimed.has(node)) return answer(202);
    if (claimed.size >= licenses) return answer(410);
    claimed.add(node);
    return answer(201);
  });
  return { url, claimed, counts };
}

describeReal('redis-server', 'a peer compared with our server', () => {
  test('gets the same load as ours through its public API, and the report shows both', async () => {
    const { url, claimed, counts } = await relay(16);
    const { title, tables, goals } = await benchPeer(keygenRelay(url), 16, 'quick');
    expect(title).toBe('Compared with Keygen Relay');
    expect(tables.map(({ columns }) => columns[0])).toEqual(['1 client', '16 clients']);
    for (const { columns, rows } of tables) {
      expect(rows.map(([name]) => name)).toEqual(['Seatlease', 'Keygen Relay']);
      const errors = columns.indexOf('errors');
      expect(rows.map((row) => row[errors])).toEqual([0, 0]);
    }
    expect(goals.map(({ what }) => what)).toEqual([
      'loops/s ÷ the peer’s at 16 clients',
      'claim p99 ÷ the peer’s at 16 clients',
    ]);
    // Every claim is extended and released once; none is refused or left.
    const claims = counts.get('PUT 201');
    expect(claims).toBeGreaterThan(500);
    expect(Object.fromEntries(counts)).toEqual({
      'PUT 201': claims,
      'PUT 202': claims,
      'DELETE 204': claims,
    });
    expect(claimed.size).toBe(0);
  }, 120_000);
});

test('fails before measuring if the peer has no free seat or does not respond', async () => {
  const { url } = await relay(0);
  await expect(benchPeer(keygenRelay(url), 64, 'quick')).rejects.toThrow(
    `Keygen Relay answered 410 to PUT ${url}/v1/nodes/trial, not 201`,
  );
  const closedPort = 'http://127.0.0.1:1';
  await expect(benchPeer(keygenRelay(closedPort), 64, 'quick')).rejects.toThrow(
    `no response from ${closedPort}`,
  );
});

test.each([
  [['nothing'], 'Unknown part: nothing.'],
  [['peer'], 'Pass the --kind of the peer: keygen-relay.'],
  [['peer', '--kind', 'keygen-relay'], 'Pass the --url of the peer on this machine'],
  // Load must not be put on another machine.
  [
    ['peer', '--kind', 'keygen-relay', '--url', 'http://relay.example'],
    'Pass the --url of the peer on this machine',
  ],
  [
    ['peer', '--kind', 'keygen-relay', '--url', 'http://127.0.0.1:1', '--seats', '0'],
    '--seats needs a whole number',
  ],
  [
    ['peer', 'size', '--kind', 'keygen-relay', '--url', 'http://127.0.0.1:1'],
    'The peer cannot be combined with other parts.',
  ],
  [['--sooner'], "Unknown option '--sooner'"],
])('rejects %j with a message that says what is wrong', (args, because) => {
  expect(() => readOptions(benchOptions(['size']), args)).toThrow(because);
});
