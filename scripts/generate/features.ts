import type { FunctionName } from '../../functions/manifest.ts';

/** One section of clients/docs/index.md. Paths are from the repository's root. */
export interface Feature {
  readonly name: string;
  /** Its endpoints, handlers and the tests beside them follow from these. */
  readonly functions: readonly FunctionName[];
  /** Code beside the handlers that holds its rules. */
  readonly code?: readonly string[];
  /** Programs of package.json, `npm run <name>`. */
  readonly programs?: readonly string[];
  /** Tests beside those of the functions. */
  readonly tests?: readonly string[];
  readonly pages: readonly [string, ...string[]];
}

const SEATS = 'shared/testing/contracts/seats';
const LUA = 'shared/adapters/seats/lua';

/** In the order of the index. A test requires every function of the manifest to be in one of them. */
export const FEATURES: readonly Feature[] = [
  {
    name: 'Acquire',
    functions: ['acquire'],
    code: [`${LUA}/acquire.lua`],
    programs: ['demo'],
    tests: [`${SEATS}/acquire.ts`, `${SEATS}/siblings.ts`, `${SEATS}/user.ts`],
    pages: ['clients/docs/seats.md', 'clients/docs/protocol.md', 'clients/sdk/README.md'],
  },
  {
    name: 'Heartbeat',
    functions: ['heartbeat'],
    code: [`${LUA}/heartbeat.lua`, `${LUA}/revive.lua`],
    tests: [`${SEATS}/heartbeat.ts`, `${SEATS}/revive.ts`, `${SEATS}/pace.ts`],
    pages: ['clients/docs/seats.md', 'clients/docs/protocol.md', 'clients/sdk/README.md'],
  },
  {
    name: 'Release',
    functions: ['release'],
    code: [`${LUA}/release.lua`, `${LUA}/evict.lua`],
    tests: [`${SEATS}/ending.ts`],
    pages: ['clients/docs/seats.md', 'clients/docs/protocol.md', 'clients/sdk/README.md'],
  },
  {
    name: 'Sessions: who holds a seat',
    functions: ['sessions'],
    code: [`${LUA}/list-seats.lua`, 'shared/domain/session-history.ts'],
    tests: [`${SEATS}/listing.ts`],
    pages: ['clients/docs/console.md', 'clients/docs/seats.md'],
  },
  {
    name: 'Sweep',
    functions: ['sweep'],
    code: [`${LUA}/expire.lua`, 'shared/adapters/seats/redis-maintenance.ts', 'shared/domain/reconcile.ts'],
    programs: ['chaos'],
    tests: ['shared/testing/contracts/seat-maintenance/suite.ts'],
    pages: ['infra/events.md', 'infra/README.md#the-sweep-has-stopped'],
  },
  {
    name: 'Signing and borrowed seats',
    functions: ['sign'],
    code: [
      'shared/domain/signed-license.ts',
      'shared/domain/license-signature.ts',
      `${LUA}/borrow.lua`,
      `${LUA}/reserve-signature.lua`,
    ],
    programs: ['operate'],
    tests: [
      `${SEATS}/borrow.ts`,
      `${SEATS}/signed.ts`,
      'shared/testing/contracts/signer/suite.ts',
      'scripts/checks/verify-guide.long.test.ts',
    ],
    pages: ['clients/docs/offline.md', 'clients/docs/verify.md', 'clients/docs/protocol.md'],
  },
  {
    name: 'Public key',
    functions: ['public-key', 'revocations'],
    code: ['shared/domain/key-rotation.ts', 'shared/domain/revocations.ts'],
    programs: ['operate', 'admin'],
    tests: ['scripts/operate/rotation.test.ts', 'scripts/operate/compromise.test.ts'],
    pages: ['clients/docs/verify.md', 'infra/README.md'],
  },
  {
    name: 'Sign-in',
    functions: ['authorize', 'callback', 'device', 'token', 'users'],
    code: ['shared/domain/sign-in.ts', 'shared/domain/access-token.ts'],
    programs: ['demo'],
    tests: ['shared/testing/contracts/sign-in/suite.ts', 'scripts/journeys/sign-in.long.test.ts'],
    pages: ['clients/docs/access.md'],
  },
  {
    name: 'Tenants, members and access',
    functions: ['tenants'],
    code: ['shared/domain/authorization.ts', 'shared/use-cases/members.ts'],
    programs: ['admin'],
    tests: ['functions/authorization.test.ts'],
    pages: ['clients/docs/access.md#who-may-do-what'],
  },
  {
    name: 'Operator tokens',
    functions: ['operator-tokens'],
    code: [
      'shared/domain/operator-token.ts',
      'shared/use-cases/operator-tokens.ts',
      'shared/http/operator-key.ts',
    ],
    programs: ['admin'],
    tests: ['functions/authorization.test.ts', 'shared/http/operator-key.test.ts'],
    pages: ['clients/docs/access.md#operator-tokens', 'infra/README.md#the-operator-key'],
  },
  {
    name: 'Licenses and license keys',
    functions: ['licenses'],
    code: ['shared/domain/license.ts', 'shared/use-cases/licenses.ts', `${LUA}/put-license.lua`],
    programs: ['admin'],
    tests: [`${SEATS}/license.ts`],
    pages: ['clients/docs/tour.md', 'clients/docs/seats.md'],
  },
  {
    name: 'Checkout',
    functions: ['checkout'],
    code: ['shared/domain/checkout.ts', 'shared/domain/plans.ts'],
    tests: ['shared/testing/contracts/billing/suite.ts', 'scripts/journeys/buy.long.test.ts'],
    pages: ['clients/docs/billing.md', 'infra/README.md#taking-payments'],
  },
  {
    name: 'Stripe webhook and subscriptions',
    functions: ['stripe-webhook', 'stripe-events', 'subscriptions'],
    code: [
      'shared/use-cases/stripe-events.ts',
      'shared/use-cases/subscriptions.ts',
      'shared/domain/subscription-change.ts',
    ],
    programs: ['admin'],
    tests: ['shared/domain/subscription.test.ts', 'shared/domain/subscription-change.test.ts'],
    pages: ['clients/docs/billing.md#subscriptions', 'clients/docs/billing.md#changing-seats-and-plan'],
  },
  {
    name: 'Trial',
    functions: ['trial'],
    code: ['shared/domain/trial.ts', 'shared/domain/organisation.ts'],
    tests: ['shared/domain/trial.test.ts'],
    pages: ['clients/docs/billing.md#trials'],
  },
  {
    name: 'Cancel and pause',
    functions: ['cancel'],
    code: ['shared/domain/subscription-ending.ts', 'shared/use-cases/ending.ts'],
    tests: ['shared/testing/contracts/billing/ending.ts', 'scripts/checks/ending-guide.test.ts'],
    pages: ['clients/docs/billing.md#ending-and-pausing'],
  },
  {
    name: 'Metering',
    functions: ['usage'],
    code: ['shared/domain/metering.ts'],
    pages: ['clients/docs/billing.md#metered-usage'],
  },
  {
    name: 'GDPR: export and erasure',
    functions: ['gdpr-export', 'gdpr-delete'],
    code: ['shared/use-cases/erasure', 'shared/domain/erasure.ts'],
    pages: ['clients/docs/personal-data.md'],
  },
  {
    name: 'Audit log',
    functions: ['audit', 'record-event'],
    code: ['shared/domain/audit-chain.ts', 'shared/domain/event.ts', 'shared/use-cases/verify-chain.ts'],
    programs: ['operate', 'chaos'],
    tests: [
      'shared/testing/contracts/events/suite.ts',
      'scripts/operate/audit-verify.test.ts',
      'scripts/operate/events.test.ts',
    ],
    pages: ['infra/events.md', 'infra/README.md#dead-letters'],
  },
  {
    name: 'Deployment',
    functions: [],
    code: ['infra/suite.ts', 'scripts/bundle', 'scripts/deploy', 'shared/settings.ts'],
    programs: ['deploy', 'doctor', 'verify-deploy', 'bundle', 'cost'],
    tests: [
      'infra/suite.test.ts',
      'scripts/deploy/deploy.long.test.ts',
      'scripts/bundle/bundle.long.test.ts',
      'scripts/doctor/findings.test.ts',
      'scripts/verify-deploy/verify-deploy.test.ts',
      'scripts/operate/runbook.test.ts',
    ],
    pages: ['infra/README.md', 'infra/settings.md'],
  },
  {
    name: 'Health, logs and metrics',
    functions: ['health'],
    code: ['shared/ports/log-line.ts', 'infra/monitoring.ts', 'infra/log-metrics.ts'],
    tests: [
      'functions/outage.test.ts',
      'functions/logged.test.ts',
      'functions/metrics.test.ts',
      'infra/log-metrics.test.ts',
    ],
    pages: ['infra/watching.md', 'infra/README.md#alerts'],
  },
  {
    name: 'Writing a client',
    functions: [],
    code: ['shared/errors.ts', 'clients/docs/fingerprint-vectors.json', 'scripts/conformance/scenarios.ts'],
    tests: [
      'scripts/checks/protocol.test.ts',
      'scripts/conformance/conformance.long.test.ts',
      'functions/answer-headers.test.ts',
      'functions/client-bodies.test.ts',
    ],
    pages: ['clients/docs/protocol.md'],
  },
  {
    name: 'SDK and command',
    functions: [],
    code: ['clients/sdk/src', 'clients/sdk/bin'],
    tests: ['scripts/sdk.long.test.ts', 'scripts/simulation/simulation.long.test.ts'],
    pages: ['clients/sdk/README.md'],
  },
  {
    name: 'Console',
    functions: [],
    code: ['clients/console/src'],
    programs: ['console', 'screenshots'],
    tests: ['scripts/journeys/console.long.test.ts', 'scripts/journeys/console-admin.long.test.ts'],
    pages: ['clients/docs/console.md'],
  },
];
