import type { Health } from '../../../sdk/src/api.ts';
import type { Call } from '../api-call.ts';
import { Problem } from '../problem.ts';

type Parts = NonNullable<Health['parts']>;
export type PartName = keyof Parts;

export const PART_TEXTS: Readonly<Record<PartName, { readonly name: string; readonly without: string }>> = {
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
};

export type HealthReport = Readonly<Record<PartName, 'ok' | 'unavailable'>>;

/** Reads the state of each dependency. A 503 response that lists them is a result, not an error. */
export async function readHealth(call: Call, signal: AbortSignal): Promise<HealthReport> {
  try {
    const { parts } = await call('health', { query: { deep: '1' }, signal });
    return reportOf(parts);
  } catch (error) {
    const isReport = error instanceof Problem && error.status === 503 && 'parts' in error.document;
    if (!isReport) throw error;
    return reportOf(error.document.parts);
  }
}

/** A dependency that is not reported as "ok" counts as unavailable. */
function reportOf(parts: unknown): HealthReport {
  const reported = new Map(typeof parts === 'object' && parts !== null ? Object.entries(parts) : []);
  const of = (name: PartName) => (reported.get(name) === 'ok' ? ('ok' as const) : ('unavailable' as const));
  return { seats: of('seats'), records: of('records'), events: of('events'), signing: of('signing') };
}
