import { DAY_MS, HOUR_MS, hourOf, type UsageHour } from '../../shared/domain/usage.ts';
import type { Refusal } from '../../shared/http/contract.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { eachDocument, eachPage, LARGEST_PAGE } from '../../shared/ports/each-document.ts';
import { USAGE_OF_LICENSE } from '../../shared/ports/queries.ts';
import type { Records } from '../../shared/ports/records.ts';

const USUAL_DAYS = 7;
const MOST_DAYS = 31;

/** Most often the hour right before has a closing count; one in which seats were only refused has none. */
const FIRST_LOOK_BACK = 3;

/** Whole hours: the first one's beginning and the last one's end. */
interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The period asked for, widened to whole hours and ending with the running one at the latest. */
export function periodOf(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  nowMs: number,
): Period | Refusal<'VALIDATION_FAILED'> {
  const endMs = hourOf(nowMs) + HOUR_MS;
  const toMs = to === undefined ? endMs : Math.min(endMs, hourOf(Date.parse(to) + HOUR_MS - 1));
  const fromMs = from === undefined ? toMs - USUAL_DAYS * DAY_MS : hourOf(Date.parse(from));
  if (fromMs >= endMs) return refuseFrom('must not lie after the running hour');
  if (toMs - fromMs > MOST_DAYS * DAY_MS) {
    return refuseFrom(
      `must lie at most ${MOST_DAYS} days before to, which is the end of the running hour unless given`,
    );
  }
  return { fromMs, toMs };
}

function refuseFrom(detail: string): Refusal<'VALIDATION_FAILED'> {
  return refuseFields('VALIDATION_FAILED', [{ at: 'from', detail }]);
}

/** The license's hours in the period, in order, after the one before it that says how many seats it began with. */
export async function readUsageHours(
  records: Records,
  licenseId: string,
  period: Period,
): Promise<UsageHour[]> {
  const [opening, within] = await Promise.all([
    readOpening(records, licenseId, period.fromMs),
    readWithin(records, licenseId, period),
  ]);
  return [...opening, ...within];
}

async function readOpening(records: Records, licenseId: string, fromMs: number): Promise<UsageHour[]> {
  const pages = eachPage((cursor) => {
    const limit = cursor === undefined ? FIRST_LOOK_BACK : LARGEST_PAGE;
    return records.query(USAGE_OF_LICENSE, { licenseId }, { limit, cursor, below: fromMs });
  });
  for await (const { documents } of pages) {
    const opening = documents.find(({ closing }) => closing !== null);
    if (opening) return [opening];
  }
  return [];
}

async function readWithin(
  records: Records,
  licenseId: string,
  { fromMs, toMs }: Period,
): Promise<UsageHour[]> {
  const bounds = { least: fromMs, below: toMs };
  const hours = await Array.fromAsync(eachDocument(records, USAGE_OF_LICENSE, { licenseId }, bounds));
  return hours.reverse();
}
