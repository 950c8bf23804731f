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
  'authorize.authorize': ['anyone'],
  'callback.callback': ['anyone'],
  'token.token': ['anyone'],
  'token.revoke': ['anyone'],
  'token.metadata': ['anyone'],
  'device.start': ['anyone'],
  'device.page': ['anyone'],
  'device.decide': ['anyone'],
  'users.me': ['person'],
  'users.list': ['operator'],
  'tenants.create': ['operator', 'person'],
  'tenants.list': ['operator', 'person'],
  'tenants.read': ['operator', 'member'],
  'tenants.change': ['operator', 'owner'],
  'tenants.claimDomain': ['operator', 'owner'],
  'tenants.verifyDomain': ['operator', 'owner'],
  'tenants.releaseDomain': ['operator', 'owner'],
  'tenants.members': ['operator', 'admin'],
  'tenants.changeRole': ['operator', 'owner'],
  'tenants.remove': ['operator', 'member'],
  /** Removes another member. */
  'tenants.removeOther': ['operator', 'admin'],
  'tenants.transfer': ['operator', 'owner'],
  'tenants.withdrawTransfer': ['operator', 'owner'],
  /** Only the member to whom the ownership was offered. */
  'tenants.acceptTransfer': ['member'],
  'tenants.declineTransfer': ['member'],
  'tenants.invite': ['operator', 'admin'],
  'tenants.invitations': ['operator', 'admin'],
  'tenants.withdraw': ['operator', 'admin'],
  'tenants.offers': ['person'],
  'tenants.accept': ['person'],
  'tenants.decline': ['person'],
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
  'subscriptions.holds': ['operator'],
  'subscriptions.lift': ['operator'],
  'subscriptions.sync': ['operator'],
  'subscriptions.preview': ['operator', 'admin'],
  'subscriptions.change': ['operator', 'admin'],
  'cancel.cancel': ['operator', 'admin'],
  'cancel.undo': ['operator', 'admin'],
  /** A pause changes what the vendor earns: Stripe's portal does not offer it either. */
  'cancel.pause': ['operator'],
  'cancel.resume': ['operator'],
  'stripe-webhook.receive': ['stripe'],
  'stripe-events.list': ['operator'],
  'stripe-events.retry': ['operator'],
  'trial.activate': ['member'],
  'usage.record': ['license', 'member'],
  'usage.totals': ['operator', 'admin'],
  'usage.records': ['operator', 'admin'],
  'usage.void': ['operator'],
  'usage.errors': ['operator'],
  'sessions.list': ['operator', 'admin'],
  'sessions.history': ['operator', 'admin'],
  'audit.list': ['operator', 'admin'],
  'audit.verify': ['operator', 'admin'],
  'operator-tokens.create': ['operator'],
  'operator-tokens.list': ['operator'],
  'operator-tokens.read': ['operator'],
  'operator-tokens.revoke': ['operator'],
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

type OperatorAction = {
  [A in Action]: 'operator' extends (typeof ACCESS)[A][number] ? A : never;
}[Action];
type OperatorFunction = OperatorAction extends infer A
  ? A extends `${infer F}.${string}`
    ? F
    : never
  : never;

/** What a request of an operator needs: reading (GET) or writing with one function. */
export type Scope = `${OperatorFunction}:${'read' | 'write'}`;

/** Scopes of several functions, those of later releases among them: `read` is reading with all, `all` is everything. */
export const SCOPE_GROUPS = ['read', 'all'] as const;
export type GrantedScope = Scope | (typeof SCOPE_GROUPS)[number];

/** The scopes that follow from the table, so a new endpoint needs no line of its own. */
export const SCOPES: readonly Scope[] = [
  ...new Set(
    Object.entries(ACCESS)
      .filter(([, grants]: [string, readonly Grant[]]) => grants.includes('operator'))
      .map(([action]) => action.split('.')[0] as OperatorFunction),
  ),
].flatMap((name) => [scopeOf(name, 'GET'), scopeOf(name, 'POST')]);

/** The scope for calling a function with that HTTP method. */
export function scopeOf(functionName: string, method: string): Scope {
  return `${functionName as OperatorFunction}:${method === 'GET' ? 'read' : 'write'}`;
}

/** Whether `held` includes all that `wanted` (a scope or a group) grants. A scope of an unknown name grants nothing. */
export function hasScope(held: readonly string[], wanted: string): boolean {
  if (held.includes('all') || held.includes(wanted)) return true;
  return wanted.endsWith(':read') && held.includes('read');
}
