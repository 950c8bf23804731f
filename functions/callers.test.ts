import { expect, test } from 'vitest';
import { callerOf, endpointFor } from '../shared/http/callers.ts';
import type { EndpointContract, FunctionContract } from '../shared/http/contract.ts';
import { MANIFEST } from './manifest.ts';

function contractOf(...auths: EndpointContract['auth'][]): FunctionContract {
  const endpoints = auths.map((auth, i): [string, EndpointContract] => [
    `e${i}`,
    { method: 'POST', path: `/${i}`, summary: '', auth, answers: {}, problems: [] },
  ]);
  const [first] = MANIFEST;
  return { ...first, name: 'made-up', endpoints: Object.fromEntries(endpoints) };
}

test('only Cloud Scheduler can call the sweep and only Pub/Sub record-event; everything else is public', () => {
  const callers = Object.groupBy(MANIFEST, callerOf);
  expect(callers.scheduler?.map(({ name }) => name)).toEqual(['sweep']);
  expect(callers.pubsub?.map(({ name }) => name)).toEqual(['record-event']);
  expect(callers.anyone).toHaveLength(MANIFEST.length - 2);
});

test('no function serves both the public and Google Cloud', () => {
  expect(() => callerOf(contractOf(['scheduler'], ['anyone']))).toThrow('need separate functions');
  expect(() => callerOf(contractOf(['license'], ['pubsub']))).toThrow('need separate functions');
});

test('each Google Cloud service calls exactly one endpoint', () => {
  expect(() => endpointFor('scheduler', [contractOf(['anyone'])])).toThrow('calls 0 endpoints');
  expect(() => endpointFor('pubsub', [contractOf(['pubsub'], ['pubsub'])])).toThrow('calls 2 endpoints');
});

test('only these endpoints take the tenants of a signed-in user from the access token, not from the records', () => {
  const byToken = MANIFEST.flatMap(({ name, endpoints }) =>
    Object.entries<EndpointContract>(endpoints).flatMap(([key, { standing }]) =>
      standing === 'token' ? [`${name}.${key}`] : [],
    ),
  );
  expect(byToken.toSorted()).toEqual([
    ...['acquire.acquire', 'gdpr-delete.confirm', 'heartbeat.heartbeat', 'release.release', 'usage.record'],
  ]);
});
