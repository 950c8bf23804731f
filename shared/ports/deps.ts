import type { AccessTokenIssuer, AccessTokens } from '../domain/access-token.ts';
import type { PseudonymOf, Pseudonyms } from '../domain/holder.ts';
import type { MeterLimits } from '../domain/metering.ts';
import type { Sealer } from '../domain/sealed.ts';
import type { SessionTokens } from '../domain/session-token.ts';
import type { SignInClients } from '../domain/sign-in-clients.ts';
import type { HoldPolicy } from '../domain/subscription.ts';
import type { TrialPolicy } from '../domain/trial.ts';
import type { OperatorRule } from '../domain/users.ts';
import type { Billing, BillingEvents } from './billing.ts';
import type { Dns } from './dns.ts';
import type { Events } from './events.ts';
import type { Identity } from './identity.ts';
import type { Limits } from './limits.ts';
import type { LogLine } from './log-line.ts';
import type { Records } from './records.ts';
import type { SeatMaintenance } from './seat-maintenance.ts';
import type { Seats } from './seats.ts';
import type { SignIn, SignInPage } from './sign-in.ts';
import type { Signer } from './signer.ts';

/** Everything a handler depends on. The wiring decides which adapter is behind each port. */
export interface Deps {
  seats: Seats;
  seatMaintenance: SeatMaintenance;
  records: Records;
  events: Events;
  identity: Identity;
  signer: Signer;
  limits: Limits;
  dns: Dns;
  /** The sign-in provider; absent if none is configured. */
  signIn?: SignIn | undefined;
  /** Its page; absent if none is configured. */
  signInPage?: SignInPage | undefined;
  /** The payment provider; absent if payments are not configured. */
  billing?: Billing | undefined;
  /** Verifies the payment provider's events; absent if payments are not configured. */
  billingEvents?: BillingEvents | undefined;
  checkout: CheckoutRules;
  /** Which events at Stripe hold a license back. */
  holdPolicy: HoldPolicy;
  trials: TrialPolicy;
  /** Names of the usage meters. */
  usageMeters: readonly string[];
  usageCaps: MeterLimits;
  usageFloors: MeterLimits;
  /** The functions' public origin. */
  publicUrl: string;
  /** The programs that users can sign in to. */
  signInClients: SignInClients;
  operators: OperatorRule;
  accessTokens: AccessTokens;
  accessTokenIssuer: AccessTokenIssuer;
  /** Seals refresh tokens. */
  refreshTokens: Sealer;
  /** Seals what the browser keeps of a sign-in in progress. */
  signInState: Sealer;
  /** Seals the confirmation tokens of erasures. */
  confirmations: Sealer;
  pseudonymOf: PseudonymOf;
  /** Which entry of `X-Forwarded-For`, counted from the end, is the caller's address. */
  forwardedHops: number;
  /** Days after which the holders of seats are erased from the records. */
  retentionDays: number;
  /** E-mail addresses of the service accounts that Google Cloud calls us with. */
  serviceAccounts: Readonly<Record<ServiceCaller, string>>;
  clock: Clock;
  pseudonyms: Pseudonyms;
  sessionTokens: SessionTokens;
  /** Whether a text is the operator key, in constant time; absent if the key is switched off. */
  isOperatorKey?: ((presented: string) => boolean) | undefined;
  /** How many shards tenants are spread over. */
  shards: number;
  /** Google Cloud project, for trace links in log lines; absent on a developer's machine. */
  projectId?: string | undefined;
  log(line: LogLine): void;
  close(): Promise<void>;
}

/** How seats are sold. */
export interface CheckoutRules {
  /** Where users return to after a checkout, with `checkout=paid` or `checkout=canceled`, or from the portal. */
  readonly returnUrl: string;
  /** Length of the free trial before the first payment; 0: no trial. */
  readonly trialDays: number;
  readonly automaticTax: boolean;
  readonly promotionCodes: boolean;
}

/** The Google Cloud services that call us: Cloud Scheduler, and Pub/Sub's push subscription. */
export type ServiceCaller = 'scheduler' | 'pubsub';

export interface Clock {
  /** Milliseconds since the epoch. For records; leases use only Redis' clock. */
  nowMs(): number;
}
