import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { DOORS } from '../testing/door-headers.ts';
import { addressOf, networkOf } from './address.ts';

const SOCKET = '192.0.2.1';

function addressFrom(forwardedFor: string | string[] | undefined, hops: number, socket = SOCKET): string {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  return addressOf({ headers, socket: { remoteAddress: socket } } as unknown as IncomingMessage, hops);
}

test.each([
  [1, '203.0.113.7', '203.0.113.7'],
  [1, '10.0.0.1, 203.0.113.7', '203.0.113.7'],
  [1, '10.0.0.1,10.0.0.2,203.0.113.7', '203.0.113.7'],
  [2, '203.0.113.7, 198.51.100.1', '203.0.113.7'],
  [2, '10.0.0.1, 203.0.113.7, 198.51.100.1', '203.0.113.7'],
])('behind %i proxies, X-Forwarded-For %j gives the address %s', (hops, forwardedFor, address) => {
  expect(addressFrom(forwardedFor, hops)).toBe(address);
});

describe.each(DOORS)('at $name', ({ headers, forged, counted }) => {
  const addressIn = (received: Readonly<Record<string, string>>): string =>
    addressOf({ headers: received, socket: { remoteAddress: SOCKET } } as unknown as IncomingMessage, 1);

  test('counts the address that Google appended, whatever the caller wrote', () => {
    expect(addressIn(headers)).toBe(counted);
    expect(addressIn(forged)).toBe(counted);
  });
});

describe('ignores what a caller writes into X-Forwarded-For', () => {
  const WRITTEN = [
    '10.0.0.1',
    '10.0.0.1, 10.0.0.2, 10.0.0.3',
    ',',
    ', , ,',
    ' ',
    'unknown',
    '"10.0.0.1"',
    'for=10.0.0.1',
    '10.0.0.1;10.0.0.2',
    '\t10.0.0.1',
    '::1',
    'x'.repeat(5_000),
    '10.0.0.1,'.repeat(1_000),
  ];
  test.each(WRITTEN)('%j', (written) => {
    expect(addressFrom(`${written}, 203.0.113.7`, 1)).toBe('203.0.113.7');
    expect(addressFrom(`${written},203.0.113.7, 198.51.100.1`, 2)).toBe('203.0.113.7');
  });
});

test('uses the address of the connection when the proxies add no address', () => {
  for (const nothing of [undefined, '', ' ', '10.0.0.1, ', ',']) {
    expect(addressFrom(nothing, 1), String(nothing)).toBe(SOCKET);
  }
  expect(addressFrom('203.0.113.7', 2)).toBe(SOCKET);
});

test('returns an IPv6 address unchanged', () => {
  expect(addressFrom('10.0.0.1, 2001:db8::7', 1)).toBe('2001:db8::7');
  expect(addressFrom(undefined, 1, '::ffff:192.0.2.1')).toBe('::ffff:192.0.2.1');
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0db8:0001:0002::9', '2001:db8:1:2'],
  ['2001:db8::7', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1:2:3:4', 'fe80:0:0:0'],
  ['unknown', 'unknown'],
  ['', ''],
])('address %s counts as network %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
