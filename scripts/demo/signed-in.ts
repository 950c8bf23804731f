import * as z from 'zod/mini';
import { signIn } from '../../clients/sdk/src/node/sign-in.ts';
import type { DemoServer, Say } from './server.ts';

const NewLicense = z.object({ license_id: z.string() });
const Me = z.object({ name: z.string(), email: z.string() });
const Seat = z.object({ session_id: z.string(), seats: z.object({ active: z.int(), max: z.int() }) });

/** A user signs in with a browser and acquires a seat of a license that counts by user. */
export async function playSignIn({ url, operatorKey }: DemoServer, say: Say): Promise<void> {
  const call = async (
    method: string,
    path: string,
    authorization: string,
    body?: unknown,
  ): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const you = await signIn({
    url,
    open: (address) => say('program', `waits for you: open this address in a browser\n\n  ${address}\n`),
    remember: false,
  });
  const person = `Bearer ${await you.accessToken()}`;
  const { name, email } = z.parse(Me, await call('GET', '/api/v1/users/me', person));
  say('program', `reads who you are: ${name} <${email}>`);

  const [tenant] = you.tenants;
  if (!tenant) throw new Error('the user has no tenant');
  const sold = await call('POST', '/api/v1/licenses', `Operator ${operatorKey}`, {
    tenant_id: tenant.tenantId,
    max: 3,
    unit: 'user',
  });
  const { license_id } = z.parse(NewLicense, sold);
  say('vendor', 'sells your team 3 seats, counted by user');

  const seat = await call('POST', '/api/v1/licenses/acquire', person, {
    license_id,
    fingerprint: 'this-machine',
  });
  const { session_id, seats } = z.parse(Seat, seat);
  say('program', `gets you a seat: ${seats.active} of ${seats.max} taken`);
  await call('PUT', '/api/v1/licenses/heartbeat', person, { session_id });
  say('program', 'sends a heartbeat and keeps it');
  await call('POST', '/api/v1/licenses/release', person, { session_id });
  say('program', 'releases it');
  await you.signOut();
  say('program', 'signs you out');
}
