/**
 * Who may do what: the one table. Every contract takes its line of it, `npm run generate` makes the matrix in the README
 * of it, and a test tries each role at each endpoint.
 *
 * `member`, `admin` and `owner` are roles in the tenant that the request is about, the least that is needed; `person` is
 * anybody who is signed in, about what is their own. Where the tenant is another one, everything in it is answered as if
 * it did not exist.
 */
export const ACCESS = {
  'acquire.acquire': ['license', 'member'],
  'heartbeat.heartbeat': ['license', 'member'],
  'release.release': ['license', 'member'],
  'release.end': ['license', 'operator', 'member'],
  /** Ends a session of somebody else's. */
  'release.evict': ['operator', 'admin'],
  'sign.sign': ['license', 'member'],
  'public-key.publicKey': ['anyone'],
  'public-key.jwks': ['anyone'],
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
  /** Removes somebody else. */
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
  'sweep.sweep': ['scheduler', 'operator'],
  'record-event.record': ['pubsub'],
} as const satisfies Readonly<Record<string, readonly Grant[]>>;

export type Action = keyof typeof ACCESS;

/** Roles in a tenant, the least first; each may do what those before it may. */
export const ROLES = ['member', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];

/** What may be asked of a caller. `anyone` beside others: credentials are optional, but must be good where given. */
export type Grant = 'anyone' | 'license' | 'operator' | 'person' | Role | 'scheduler' | 'pubsub' | 'stripe';

/** The line of the table for `action`, with its literal type: what the handler may expect of its caller. */
export function accessOf<const A extends Action>(action: A): (typeof ACCESS)[A] {
  return ACCESS[action];
}

/** How a caller stands towards a tenant: what is in it is theirs to use, not theirs to use so, or not there at all. */
export type Standing = 'ALLOWED' | 'FORBIDDEN' | 'STRANGER';

/** How somebody with `role` in a tenant (`undefined` for none) stands towards it where `grants` are asked for. */
export function standingOf(grants: readonly Grant[], role: Role | undefined): Standing {
  if (role === undefined) return 'STRANGER';
  const suffices = ROLES.slice(0, ROLES.indexOf(role) + 1).some((held) => grants.includes(held));
  return suffices ? 'ALLOWED' : 'FORBIDDEN';
}

/** Whether any of `grants` is one that signed-in people can have. */
export function takesPeople(grants: readonly Grant[]): boolean {
  return grants.includes('person') || ROLES.some((role) => grants.includes(role));
}
