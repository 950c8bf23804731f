import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWithin, normalDomain, organisationOf, registrableDomain } from './organisation.ts';

const label = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z0-9])?$/);
/** Without ß and ς, whose upper case is that of another name. */
const unicode = fc.constantFrom('bücher', 'köln', 'españa', '例え', 'яндекс', 'αθήνα');
const registered = fc
  .tuple(
    fc.oneof(label, unicode),
    fc.constantFrom('com', 'example', 'co.uk', 'com.br', 'de', 'github.io', 'рф'),
  )
  .map((parts) => parts.join('.'));

/** Other spellings of the same domain. */
function spellings(domain: string): string[] {
  return [domain, domain.toUpperCase(), `${domain}.`, normalDomain(domain), domain.replace('.', '。')];
}

describe('the registrable domain', () => {
  test('is the same for every subdomain and every spelling, and is its own registrable domain', () => {
    fc.assert(
      fc.property(registered, fc.array(fc.oneof(label, unicode), { maxLength: 3 }), (domain, below) => {
        const names = spellings([...below, domain].join('.')).map(registrableDomain);
        expect(new Set(names)).toEqual(new Set([normalDomain(domain)]));
        expect(registrableDomain(normalDomain(domain))).toBe(normalDomain(domain));
      }),
    );
  });

  test('differs between different registered domains', () => {
    fc.assert(
      fc.property(registered, registered, (one, other) => {
        fc.pre(normalDomain(one) !== normalDomain(other));
        expect(registrableDomain(`mail.${one}`)).not.toBe(registrableDomain(`mail.${other}`));
      }),
    );
  });

  test.each(['co.uk', 'github.io', 'localhost', 'com'])('of a public suffix is itself: %s', (domain) => {
    expect(registrableDomain(domain)).toBe(domain);
  });

  test('of any text exists, and has one spelling', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const domain = registrableDomain(text);
        expect(registrableDomain(domain)).toBe(domain);
      }),
    );
  });
});

test('a domain is within itself and its parents, in every spelling, and not within one that ends alike', () => {
  fc.assert(
    fc.property(registered, fc.array(label, { maxLength: 2 }), label, (domain, below, word) => {
      for (const name of spellings([...below, domain].join('.')))
        for (const parent of spellings(domain)) expect(isWithin(name, parent)).toBe(true);
      expect(isWithin(`${word}${normalDomain(domain)}`, domain)).toBe(false);
      expect(isWithin(domain, `${word}.${domain}`)).toBe(false);
    }),
  );
});

describe('a public mail provider is no organisation', () => {
  test.each(['gmail.com', 'GMail.com.', 'yahoo.co.uk', 'docomo.ne.jp', 'mail.gmx.net'])('%s', (domain) => {
    expect(organisationOf(domain)).toBeUndefined();
  });

  test.each(['gmail.com.acme.example', 'mygmail.com', 'acme.co.uk'])('but %s is', (domain) => {
    expect(organisationOf(`mail.${domain}`)).toBe(domain.replace('gmail.com.acme', 'acme'));
  });
});
