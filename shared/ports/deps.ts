import type { Pseudonyms } from '../domain/holder.ts';
import type { SessionTokens } from '../domain/session-token.ts';
import type { Records } from './records.ts';
import type { Seats } from './seats.ts';

/** Everything a handler may lean on. Whoever opens it decides what stands behind each port. */
export interface Deps {
  seats: Seats;
  records: Records;
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
