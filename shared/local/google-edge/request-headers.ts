import type { IncomingMessage } from 'node:http';

/**
 * Where a request comes in:
 * - `hosting`: Firebase Hosting, which calls the function at its run.app address.
 * - `run.app`: the function's own address, from the internet.
 * - `internal`: the same, from Google's network, as Cloud Scheduler and Pub/Sub call
 *   (https://cloud.google.com/run/docs/securing/ingress).
 */
export type Door = 'hosting' | 'run.app' | 'internal';

/** Stands for the one Google machine that all calls through Hosting come from: the worst case for limits by address. */
export const GOOGLE_ADDRESS = '198.51.100.20';

/** Changes the headers of a request as Google does on its way to the function. `peer` is the caller's address. */
export function addGoogleHeaders(
  request: IncomingMessage,
  door: Door,
  functionHost: string,
  peer: string,
): void {
  if (door === 'hosting') passHosting(request, functionHost, peer);
  // The front end appends the address that it is called from, and leaves what is there:
  // https://github.com/gamedevpl/www.gamedev.pl/pull/1146
  append(request, 'x-forwarded-for', door === 'run.app' ? peer : GOOGLE_ADDRESS);
  append(request, 'forwarded', `for="${door === 'run.app' ? peer : GOOGLE_ADDRESS}";proto=https`);
  setHeader(request, 'x-forwarded-proto', 'https');
}

function passHosting(request: IncomingMessage, functionHost: string, peer: string): void {
  // https://github.com/gamedevpl/www.gamedev.pl/pull/1146: "<caller>,<Google frontend>".
  append(request, 'x-forwarded-for', peer);
  // Kept if the caller sent it: https://www.fastly.com/documentation/reference/http/http-headers/Fastly-Client-IP/
  if (request.headers['fastly-client-ip'] === undefined) setHeader(request, 'fastly-client-ip', peer);
  setHeader(request, 'cdn-loop', 'Fastly');
  // https://github.com/firebase/firebase-tools/blob/master/src/hosting/proxy.ts
  setHeader(request, 'x-forwarded-host', request.headers.host ?? '');
  setHeader(request, 'host', functionHost);
  // https://firebase.google.com/docs/hosting/manage-cache#using_cookies: only the cookie __session is passed on.
  const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const session = cookies.find((cookie) => cookie.startsWith('__session='));
  setHeader(request, 'cookie', session);
}

function append(request: IncomingMessage, name: string, value: string): void {
  const given = request.headers[name];
  setHeader(request, name, given === undefined ? value : `${String(given)},${value}`);
}

/** Sets a header in all forms in which Node shows it, or removes it. */
export function setHeader(request: IncomingMessage, name: string, value: string | undefined): void {
  const { headers, rawHeaders } = request;
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (rawHeaders[at]?.toLowerCase() === name) rawHeaders.splice(at, 2);
  delete headers[name];
  if (value !== undefined) {
    rawHeaders.push(name, value);
    headers[name] = value;
  }
  // Node's own getter reads only as many raw headers as were received.
  Object.defineProperty(request, 'headersDistinct', { get: () => distinct(rawHeaders), configurable: true });
}

function distinct(rawHeaders: readonly string[]): NodeJS.Dict<string[]> {
  const values: NodeJS.Dict<string[]> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    values[name] = [...(values[name] ?? []), rawHeaders[at + 1] ?? ''];
  }
  return values;
}
