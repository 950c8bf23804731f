import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Unavailable } from '../../errors.ts';
import { openDnsZone } from '../../local/dns-zone.ts';
import type { Dns } from '../../ports/dns.ts';
import { quickFolder } from '../../testing/quick-folder.ts';
import { type DnsAnswer, startDnsServer } from '../../testing/servers/dns-server.ts';
import { openDns } from './node-dns.ts';

const LONG = 'x'.repeat(300);
const ZONE: Readonly<Record<string, string[]>> = {
  'acme.example': ['v=spf1 -all', 'seatlease-domain-verification=abc'],
  'long.example': [LONG],
};
const FAILURES: Readonly<Record<string, DnsAnswer>> = {
  'servfail.example': 'SERVFAIL',
  'silent.example': 'silence',
  'empty.example': [],
};
const TIMEOUT_MS = 50;

let folder: string;
let server: Awaited<ReturnType<typeof startDnsServer>>;
const adapters: Record<string, Dns> = {};
beforeAll(async () => {
  folder = await quickFolder('seatlease-dns-');
  await writeFile(join(folder, 'zone.json'), JSON.stringify(ZONE));
  // Names in questions are in any case.
  server = await startDnsServer((name) => {
    const lower = name.toLowerCase();
    return ZONE[lower] ?? FAILURES[lower] ?? 'NXDOMAIN';
  });
  adapters['the domain name system'] = openDns([server.address], TIMEOUT_MS);
  adapters['the zone file of the local server'] = openDnsZone(join(folder, 'zone.json'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe.each(['the domain name system', 'the zone file of the local server'])('%s', (name) => {
  const texts = (of: string): Promise<readonly string[]> | undefined => adapters[name]?.texts(of);

  test('returns all TXT records of a name, whatever its case', async () => {
    for (const asked of ['acme.example', 'ACME.example'])
      expect(await texts(asked)).toEqual(expect.arrayContaining([...(ZONE['acme.example'] ?? [])]));
  });

  test('returns a text of more than 255 bytes as one', async () => {
    expect(await texts('long.example')).toEqual([LONG]);
  });

  test('returns no records of a name that does not exist', async () => {
    expect(await texts('nowhere.example')).toEqual([]);
  });
});

test('a name without TXT records has none', async () => {
  expect(await openDns([server.address], TIMEOUT_MS).texts('empty.example')).toEqual([]);
});

test.each(['servfail.example', 'silent.example'])(
  'a failed lookup of %s is not "no record"',
  async (name) => {
    await expect(openDns([server.address], TIMEOUT_MS).texts(name)).rejects.toThrow(Unavailable);
  },
);

test('a local server without a zone file knows no records', async () => {
  expect(await openDnsZone(join(folder, 'none.json')).texts('acme.example')).toEqual([]);
});
