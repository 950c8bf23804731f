import type { Pseudonyms } from '../domain/holder.ts';
import type { SessionTokens } from '../domain/session-token.ts';
import type { Events } from './events.ts';
import type { Identity } from './identity.ts';
import type { Records } from './records.ts';
import type { SeatUpkeep } from './seat-upkeep.ts';
import type { Seats } from './seats.ts';
import type { Signer } from './signer.ts';

/** Everything a handler may lean on. Whoever opens it decides what stands behind each port. */
export interface Deps {
  seats: Seats;
  upkeep: SeatUpkeep;
  records: Records;
  events: Events;
  identity: Identity;
  signer: Signer;
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

/** The parts of the cloud that call us: Cloud Scheduler, and Pub/Sub's push subscription. */
export type ServiceCaller = 'scheduler' | 'pubsub';

export interface Clock {
  /** Milliseconds since the epoch. Good for records; a lease knows only Redis' clock. */
  nowMs(): number;
}

/** One structured entry, in the form that Cloud Logging reads from standard output. */
export interface LogLine {
  severity: 'INFO' | 'WARNING' | 'ERROR';
  message: string;
  [field: string]: unknown;
}
