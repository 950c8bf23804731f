import type { AccessTokens } from '../domain/access-token.ts';
import type { PseudonymOf, Pseudonyms } from '../domain/holder.ts';
import type { OperatorRule } from '../domain/people.ts';
import type { Sealer } from '../domain/sealed.ts';
import type { SessionTokens } from '../domain/session-token.ts';
import type { TrialPolicy } from '../domain/trial.ts';
import type { Billing } from './billing.ts';
import type { Events } from './events.ts';
import type { Identity } from './identity.ts';
import type { Limits } from './limits.ts';
import type { LogLine } from './log-line.ts';
import type { Records } from './records.ts';
import type { SeatMaintenance } from './seat-maintenance.ts';
import type { Seats } from './seats.ts';
import type { SignIn } from './sign-in.ts';
import type { Signer } from './signer.ts';

/** Everything a handler may lean on. Whoever opens it decides what stands behind each port. */
export interface Deps {
  seats: Seats;
  seatMaintenance: SeatMaintenance;
  records: Records;
  events: Events;
  identity: Identity;
  signer: Signer;
  limits: Limits;
  /** Where people sign in; absent where nobody can. */
  signIn?: SignIn | undefined;
  /** Who takes the money; absent where nothing is sold. */
  billing?: Billing | undefined;
  checkout: CheckoutRules;
  trials: TrialPolicy;
  /** Names of what use is recorded of. */
  usageMeters: readonly string[];
  /** Origin that browsers reach the functions by. */
  publicUrl: string;
  /** Https addresses that people may be sent to after they signed in. */
  signInRedirects: readonly string[];
  operators: OperatorRule;
  accessTokens: AccessTokens;
  seals: Seals;
  pseudonymOf: PseudonymOf;
  /** Proxies whose word on where a request comes from is taken. */
  forwardedHops: number;
  /** Days after which who held a seat is forgotten. */
  retentionDays: number;
  /** E-mail addresses of the service accounts that our own callers in the cloud act as. */
  serviceAccounts: Readonly<Record<ServiceCaller, string>>;
  clock: Clock;
  pseudonyms: Pseudonyms;
  sessionTokens: SessionTokens;
  /** Compares in constant time. */
  isOperatorKey(presented: string): boolean;
  /** How many shards tenants are spread over. */
  shards: number;
  /** Google Cloud project for trace links in log lines; absent on a developer's machine. */
  projectId?: string | undefined;
  log(line: LogLine): void;
  close(): Promise<void>;
}

/** How seats are sold. */
export interface CheckoutRules {
  /** Where people come back to after paying, or after looking after their subscription. */
  readonly returnUrl: string;
  /** Days before the first payment; 0 for none. */
  readonly trialDays: number;
  readonly automaticTax: boolean;
  readonly promotionCodes: boolean;
}

/** What goes out sealed and comes back. */
export interface Seals {
  readonly underWay: Sealer;
  readonly refresh: Sealer;
  readonly confirmation: Sealer;
}

/** The parts of the cloud that call us: Cloud Scheduler, and Pub/Sub's push subscription. */
export type ServiceCaller = 'scheduler' | 'pubsub';

export interface Clock {
  /** Milliseconds since the epoch. Good for records; a lease knows only Redis' clock. */
  nowMs(): number;
}
