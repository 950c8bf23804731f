import type { Health } from '../../../sdk/src/api.ts';
import type { Call } from '../api-call.ts';
import { Problem } from '../problem.ts';

type Parts = NonNullable<Health['parts']>;
export type PartName = keyof Parts;

export const PART_WORDS: Readonly<Record<PartName, { readonly name: string; readonly without: string }>> = {
  seats: { name: 'Seats (Redis)', without: 'Nobody can take or keep a seat.' },
  records: {
    name: 'Records (Firestore)',
    without: 'Nobody can sign in, and licenses cannot be read or changed.',
  },
  events: { name: 'Events (Pub/Sub)', without: 'The audit log and usage wait: nothing is lost.' },
  signing: { name: 'Signing (Cloud KMS)', without: 'Licenses cannot be signed, so nobody can go offline.' },
};

export type Finding = Readonly<Record<PartName, 'ok' | 'unavailable'>>;

/** How each part is. A server that ails says so with a refusal, which is the answer here. */
export async function readHealth(call: Call, signal: AbortSignal): Promise<Finding> {
  try {
    const { parts } = await call('health', { query: { deep: '1' }, signal });
    return findingOf(parts);
  } catch (error) {
    const isAnswer = error instanceof Problem && error.status === 503 && 'parts' in error.document;
    if (!isAnswer) throw error;
    return findingOf(error.document.parts);
  }
}

/** What is not said to be well counts as away. */
function findingOf(parts: unknown): Finding {
  const said = new Map(typeof parts === 'object' && parts !== null ? Object.entries(parts) : []);
  const of = (name: PartName) => (said.get(name) === 'ok' ? ('ok' as const) : ('unavailable' as const));
  return { seats: of('seats'), records: of('records'), events: of('events'), signing: of('signing') };
}
