import { DAY_MS, HOUR_MS, hourOf, type UsageHour } from '../../shared/domain/usage.ts';
import type { Refusal } from '../../shared/http/contract.ts';
import { refuseFields } from '../../shared/http/refuse-fields.ts';
import { eachDocument, eachPage, LARGEST_PAGE } from '../../shared/ports/each-document.ts';
import { USAGE_OF_LICENSE } from '../../shared/ports/queries.ts';
import type { Records } from '../../shared/ports/records.ts';

const DEFAULT_DAYS = 7;
const MOST_DAYS = 31;

/** Hours to read first. Most hours have a closing count. Hours in which seats were only denied have none. */
const FIRST_PAGE_LIMIT = 3;

/** Start of the first hour and end of the last one. */
interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The requested period, widened to whole hours and ending with the current hour at the latest. */
export function periodOf(
  { from, to }: { from?: string | undefined; to?: string | undefined },
  nowMs: number,
): Period | Refusal<'VALIDATION_FAILED'> {
  const endMs = hourOf(nowMs) + HOUR_MS;
  const toMs = to === undefined ? endMs : Math.min(endMs, hourOf(Date.parse(to) + HOUR_MS - 1));
  const fromMs = from === undefined ? toMs - DEFAULT_DAYS * DAY_MS : hourOf(Date.parse(from));
  if (fromMs >= endMs) return refuseFrom('must not be after the current hour');
  if (toMs - fromMs > MOST_DAYS * DAY_MS) {
    return refuseFrom(
      `must be at most ${MOST_DAYS} days before to, which defaults to the end of the current hour`,
    );
  }
  return { fromMs, toMs };
}

function refuseFrom(detail: string): Refusal<'VALIDATION_FAILED'> {
  return refuseFields('VALIDATION_FAILED', [{ at: 'from', detail }]);
}

/** The license's hours in the period, in order, preceded by the hour that shows how many seats were taken before. */
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
    const limit = cursor === undefined ? FIRST_PAGE_LIMIT : LARGEST_PAGE;
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
