import { signIn } from '../node/sign-in.ts';
import type { Report } from './output.ts';
import type { Settings } from './settings.ts';

export async function login(settings: Settings): Promise<Report> {
  const before = await settings.signIn();
  const user = await signIn(settings.signInOptions);
  const { origin } = settings;
  const text =
    before?.userId === user.userId
      ? `Already signed in to ${origin} as ${user.userId}.`
      : `Signed in to ${origin} as ${user.userId}.`;
  const tenants = user.tenants.map(({ tenantId, role }) => ({ tenant_id: tenantId, role }));
  return { text, json: { url: settings.url, user_id: user.userId, tenants } };
}

export async function logout(settings: Settings): Promise<Report> {
  const { origin, url } = settings;
  const user = await settings.signIn();
  await user?.signOut();
  return {
    text: user ? `Signed out of ${origin}.` : `Not signed in to ${origin}.`,
    json: { url, user_id: user?.userId ?? null },
  };
}
