import { domainToASCII } from 'node:url';
import { getDomain } from 'tldts';
import { isPublicMail } from './public-mail.ts';

/**
 * One spelling for a domain: lower case, ASCII (IDNA, UTS #46), without the dot of the DNS root. A name that is no domain
 * stays as it is, in lower case.
 */
export function normalDomain(domain: string): string {
  const ascii = domainToASCII(domain) || domain.toLowerCase();
  return ascii.replace(/\.+$/, '');
}

/**
 * What an organisation registered and pays for, so that subdomains are not further organisations: one label more than the public
 * suffix (publicsuffix.org), where sites of a shared host (`github.io`) and names below `co.uk` count as registered. A
 * public suffix stays as it is.
 *
 * The list is that of tldts: released weekly with the current list, 136 kB in the bundle; psl is as large, twice as slow to
 * load, and its latest list is of December 2024.
 */
export function registrableDomain(domain: string): string {
  const normal = normalDomain(domain);
  return getDomain(normal, { allowPrivateDomains: true, validateHostname: false }) ?? normal;
}

/** The organisation that a mail domain belongs to; `undefined` if anyone can get an address there. */
export function organisationOf(domain: string): string | undefined {
  const registrable = registrableDomain(domain);
  return isPublicMail(registrable) ? undefined : registrable;
}

/** Whether `domain` is `parent` or below it. */
export function isWithin(domain: string, parent: string): boolean {
  return `.${normalDomain(domain)}`.endsWith(`.${normalDomain(parent)}`);
}
