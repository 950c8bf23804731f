/**
 * The one table of permissions. Every contract takes its grants from it, `npm run generate` turns it into the matrix in
 * clients/docs/access.md, and a test tries each role at each endpoint.
 *
 * `member`, `admin` and `owner` are the lowest role that is sufficient in the request's tenant. `person` is any
 * signed-in user, for their own data. For everything in another tenant, the response is the same as if it did not
 * exist.
 */
export const ACCESS = {
  'acquire.acquire': ['license', 'member'],
  'heartbeat.heartbeat': ['license', 'member'],
  'release.release': ['license', 'member'],
  'release.end': ['license', 'operator', 'member'],
  /** Ends another user's session. */
  'release.evict': ['operator', 'admin'],
  'sign.sign': ['license', 'member'],
  'public-key.publicKey': ['anyone'],
  'public-key.jwks': ['anyone'],
  'public-key.revocations': ['anyone'],
  'revocations.list': ['operator'],
  'revocations.revoke': ['operator'],
  'revocations.undo': ['operator'],
  'login.google': ['anyone'],
  'callback.callback': ['anyone'],
  'token.token': ['anyone'],
  'token.signOut': ['anyone'],
  'users.me': ['person'],
  'users.list': ['operator'],
  'tenants.create': ['operator', 'person'],
  'tenants.list': ['operator', 'person'],
  'tenants.read': ['operator', 'member'],
  'tenants.change': ['operator', 'owner'],
  'tenants.members': ['operator', 'admin'],
  'tenants.changeRole': ['operator', 'owner'],
  'tenants.remove': ['operator', 'member'],
  /** Removes another member. */
  'tenants.removeOther': ['operator', 'admin'],
  'tenants.transfer': ['operator', 'owner'],
  'tenants.invite': ['operator', 'admin'],
  'tenants.invitations': ['operator', 'admin'],
  'tenants.withdraw': ['operator', 'admin'],
  'licenses.create': ['operator'],
  'licenses.list': ['operator', 'admin'],
  'licenses.read': ['operator', 'admin'],
  'licenses.change': ['operator'],
  'licenses.rotateKey': ['operator', 'admin'],
  'licenses.usage': ['operator', 'admin'],
  'checkout.plans': ['anyone'],
  'checkout.create': ['operator', 'admin'],
  'checkout.portal': ['operator', 'admin'],
  'subscriptions.list': ['operator', 'admin'],
  'cancel.cancel': ['operator', 'admin'],
  'cancel.undo': ['operator', 'admin'],
  'stripe-webhook.receive': ['stripe'],
  'trial.activate': ['member'],
  'usage.record': ['license', 'member'],
  'usage.totals': ['operator', 'admin'],
  'sessions.list': ['operator', 'admin'],
  'sessions.history': ['operator', 'admin'],
  'audit.list': ['operator', 'admin'],
  'audit.verify': ['operator', 'admin'],
  'gdpr-export.person': ['person'],
  'gdpr-export.tenant': ['operator', 'owner'],
  'gdpr-delete.ask': ['operator', 'person'],
  'gdpr-delete.confirm': ['operator', 'person'],
  'health.health': ['anyone', 'operator'],
  'sweep.sweep': ['scheduler'],
  'record-event.record': ['pubsub'],
} as const satisfies Readonly<Record<string, readonly Grant[]>>;

export type Action = keyof typeof ACCESS;

/** Roles in a tenant, lowest first; each includes the permissions of those before it. */
export const ROLES = ['member', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

/** What an endpoint accepts. `anyone` beside others: credentials are optional, but rejected if invalid. */
export type Grant = 'anyone' | 'license' | 'operator' | 'person' | Role | 'scheduler' | 'pubsub' | 'stripe';

/** The grants of `action`, with their literal type: it determines the callers that the handler has to expect. */
export function accessOf<const A extends Action>(action: A): (typeof ACCESS)[A] {
  return ACCESS[action];
}

/** A caller's access to a tenant: allowed, forbidden, or a stranger, for whom the tenant does not exist. */
export type Standing = 'ALLOWED' | 'FORBIDDEN' | 'STRANGER';

/** The access of a caller with `role` in a tenant (`undefined`: not a member) to what `grants` protect. */
export function standingOf(grants: readonly Grant[], role: Role | undefined): Standing {
  if (role === undefined) return 'STRANGER';
  const suffices = ROLES.slice(0, ROLES.indexOf(role) + 1).some((held) => grants.includes(held));
  return suffices ? 'ALLOWED' : 'FORBIDDEN';
}

/** Whether a signed-in user can have one of `grants`. */
export function acceptsUsers(grants: readonly Grant[]): boolean {
  return grants.includes('person') || ROLES.some((role) => grants.includes(role));
}
