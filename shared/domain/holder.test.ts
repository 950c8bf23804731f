import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { identityOf, type Program, pseudonyms, pseudonymsOf } from './holder.ts';
import { newLicenseId, newTenantId, SESSION_ID } from './ids.ts';

const KEY = 'pseudonym-key-0123456789abcdef0123456789';
const { holder, session } = pseudonyms(KEY);

test("gives a holder the same pseudonym on every instance, without the client's own text", () => {
  const name = holder('lic_a', 'machine', 'fingerprint');
  expect(name).toMatch(/^[\w-]{12}$/);
  expect(pseudonyms(KEY).holder('lic_a', 'machine', 'fingerprint')).toBe(name);
  expect(name).not.toContain('finger');
});

test('gives the same machine another pseudonym for another license, unit or key', () => {
  const names = [
    holder('lic_a', 'machine', 'x'),
    holder('lic_b', 'machine', 'x'),
    holder('lic_a', 'user', 'x'),
    pseudonyms(`${KEY}!`).holder('lic_a', 'machine', 'x'),
  ];
  expect(new Set(names).size).toBe(4);
});

test('gives different splits of the same text different pseudonyms and session ids', () => {
  const identifiers = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(identifiers, identifiers, (left, right) => {
      const areSame = JSON.stringify(left) === JSON.stringify(right);
      expect(holder('lic', 'process', ...left) === holder('lic', 'process', ...right)).toBe(areSame);
      expect(session('lic', ...left) === session('lic', ...right)).toBe(areSame);
    }),
    { seed: 7, numRuns: 300 },
  );
  expect(holder('lic', 'process', 'a', 'bc')).not.toBe(holder('lic', 'process', 'ab', 'c'));
  expect(holder('lic', 'process', '","')).not.toBe(holder('lic', 'process', '', ''));
});

test('pseudonyms never change: computed with another HMAC, they are the same', () => {
  // Such as: printf '["lic_a","machine","fingerprint"]' | openssl dgst -sha256 -hmac KEY -binary | basenc --base64url
  expect(holder('lic_a', 'machine', 'fingerprint')).toBe('LsVsPrE9oqjB');
  expect(holder('lic_a', 'process', 'fingerprint', '4711')).toBe('r55EPKWOPfJV');
  const pseudonymOf = pseudonymsOf(KEY);
  expect(pseudonymOf('account', 'google 4711')).toBe('S36SbFpmsojlukFQPy4Et7');
  expect(pseudonymOf('address', '203.0.113.7')).toBe('1o0FLtWXFqWaFdBY4HftAw');
  expect(pseudonymOf('trial', 'machine laptop')).toBe('4BKMoCLD831sq5l7If0sl1');
});

test('session ids never change: computed with another HMAC, they are the same', () => {
  // printf '["lic_07_0123456789abcdef","session","m","","","i"]' | openssl dgst -sha256 -hmac KEY -binary, byte by byte mod 32
  expect(session('lic_07_0123456789abcdef', 'm', '', '', 'i')).toBe(
    'ses_07_0123456789abcdef_dgrhvt9223cmndws',
  );
});

describe('a program', () => {
  const licenseId = newLicenseId(newTenantId(16));
  const identify = (program: Partial<Omit<Program, 'facts'>> & { facts?: Partial<Program['facts']> }) => {
    const facts = { fingerprint: 'laptop', ...program.facts };
    return identityOf({ isSignedIn: false, ...program, facts }, licenseId, pseudonyms(KEY));
  };

  test('that names its start finds the same session with every repeat, whatever else it reports', () => {
    const first = identify({ instanceId: 'one', facts: { hostname: 'a' } });
    expect(first).toMatchObject({ kind: 'instance', sessionId: expect.stringMatching(SESSION_ID) });
    expect(identify({ instanceId: 'one', facts: { hostname: 'b', appVersion: '2' } })).toEqual(first);
  });

  test('has another session if machine, user, process or start differ', () => {
    const ids = [
      identify({ instanceId: 'one' }),
      identify({ instanceId: 'two' }),
      identify({ instanceId: 'one', facts: { fingerprint: 'desk' } }),
      identify({ instanceId: 'one', facts: { userId: 'ada' } }),
      identify({ instanceId: 'one', facts: { userId: 'ada' }, isSignedIn: true }),
      identify({ instanceId: 'one', facts: { processId: 'ada' } }),
      identityOf(
        { instanceId: 'one', facts: { fingerprint: 'laptop' }, isSignedIn: false },
        newLicenseId(newTenantId(16)),
        pseudonyms(KEY),
      ),
    ].map(({ sessionId }) => sessionId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('that does not name its start gets a new session id each time, to use if its machine has no session', () => {
    const [one, two] = [identify({}), identify({})];
    expect([one.kind, two.kind]).toEqual(['machine', 'machine']);
    expect(one.sessionId).not.toBe(two.sessionId);
    expect(one.machine).toBe(two.machine);
  });

  test('counts as a process by its process id, else by its start, else not at all', () => {
    const byId = identify({ instanceId: 'one', facts: { processId: '4711' } }).holders.process;
    expect(identify({ instanceId: 'two', facts: { processId: '4711' } }).holders.process).toBe(byId);
    const [one, two] = ['one', 'two'].map((instanceId) => identify({ instanceId }).holders.process);
    expect(new Set([one, two, byId, undefined]).size).toBe(4);
    expect(identify({}).holders.process).toBeUndefined();
  });

  test('of a signed-in user has a machine and a process that no other user and no license key has', () => {
    const processId = '4711';
    const callers = [
      { isSignedIn: true, facts: { userId: 'usr_ada', processId } },
      { isSignedIn: true, facts: { userId: 'usr_bob', processId } },
      { isSignedIn: false, facts: { processId } },
    ].map((program) => identify(program));
    expect(new Set(callers.map(({ machine }) => machine)).size).toBe(3);
    expect(new Set(callers.map(({ holders }) => holders.process)).size).toBe(3);
    for (const { machine, holders } of callers) expect(holders.machine).toBe(machine);
  });

  test('shares its machine with a user whom a license key only claims', () => {
    const claimed = identify({ facts: { userId: 'usr_ada' } });
    expect(claimed.machine).toBe(identify({}).machine);
    expect(claimed.holders.user).toBe(
      identify({ isSignedIn: true, facts: { userId: 'usr_ada' } }).holders.user,
    );
    expect(identify({}).holders.user).toBeUndefined();
  });
});
