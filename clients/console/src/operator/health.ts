import type { Health } from '../../../sdk/src/api.ts';
import type { Call } from '../api-call.ts';
import { Problem } from '../problem.ts';

const NAMES = ['seats', 'records', 'events', 'signing', 'billing', 'sweep', 'backlog'] as const;
export type CheckName = (typeof NAMES)[number];

const TEXTS: Readonly<Record<CheckName, { readonly name: string; readonly without: string }>> = {
  seats: { name: 'Seats (Redis)', without: 'Seats cannot be acquired or kept.' },
  records: {
    name: 'Records (Firestore)',
    without: 'Users cannot sign in, and licenses cannot be read or changed.',
  },
  events: { name: 'Events (Pub/Sub)', without: 'The audit log and usage are delayed. No events are lost.' },
  signing: {
    name: 'Signing (Cloud KMS)',
    without: 'Licenses cannot be signed, so programs cannot go offline.',
  },
  billing: {
    name: 'Payments (Stripe)',
    without: 'Subscriptions cannot be bought or changed. Paid seats keep working.',
  },
  sweep: {
    name: 'Last sweep',
    without: 'The audit log, usage and payments are delayed, and old data is not deleted.',
  },
  backlog: {
    name: 'Unpublished events',
    without: 'The audit log and usage are delayed. No events are lost.',
  },
};

const STATUS_TEXTS: Readonly<Record<string, string>> = {
  ok: 'OK',
  off: 'Not configured',
  unavailable: 'Unavailable',
  commands: 'Command limit reached',
  memory: 'Full',
  bandwidth: 'Bandwidth limit reached',
  'read-only': 'Read-only',
  late: 'Late',
  unknown: 'Unknown',
};

/** A row of the page. */
export interface Check {
  readonly name: string;
  readonly isOk: boolean;
  readonly status: string;
  /** What does not work if the status is not ok. */
  readonly without: string;
}

export interface HealthReport {
  readonly isOk: boolean;
  readonly checks: readonly Check[];
  /** The release, and the commit if it is known. */
  readonly release: string;
}

/** Reads the state of the service. A 503 response that contains it is a result, not an error. */
export async function readHealth(call: Call, signal: AbortSignal): Promise<HealthReport> {
  try {
    return reportOf(await call('health', { query: { deep: '1' }, signal }));
  } catch (error) {
    const isReport = error instanceof Problem && error.status === 503 && 'dependencies' in error.document;
    if (!isReport) throw error;
    return reportOf(error.document as Partial<Health>);
  }
}

/** What is not reported counts as unknown. */
function reportOf({ dependencies, sweep, backlog, version, commit }: Partial<Health>): HealthReport {
  const statuses: Readonly<Record<string, string | undefined>> = {
    ...dependencies,
    sweep: sweep?.status,
    backlog: backlog?.status,
  };
  const checks = NAMES.map((each) => {
    const status = statuses[each] ?? 'unknown';
    return {
      ...TEXTS[each],
      isOk: status === 'ok' || status === 'off',
      status: STATUS_TEXTS[status] ?? status,
    };
  });
  const release = commit ? `${version} (${commit.slice(0, 12)})` : (version ?? 'unknown');
  return { isOk: checks.every(({ isOk }) => isOk), checks, release };
}
