import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { newLicenseId, newTenantId } from '../../shared/domain/ids.ts';
import { type UsageHour, usageHourId } from '../../shared/domain/usage.ts';
import { USAGE_HOURS } from '../../shared/ports/collections.ts';
import { bareAnswer } from '../testing/bare-answer.ts';
import { openTestSuite, type Reply, type TestLicense, type TestSuite } from '../testing/suite.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.parse('2030-02-10T14:25:36Z');
const RUNNING_HOUR_MS = Date.parse('2030-02-10T14:00:00Z');

let suite: TestSuite;
let license: TestLicense;
beforeAll(async () => {
  suite = await openTestSuite();
});
afterAll(() => suite.close());
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW_MS });
  license = await suite.createLicense({ max: 5 });
});
afterEach(() => {
  vi.useRealTimers();
});

const read = (licenseId: string, query = ''): Promise<Reply> =>
  suite.operate('GET', `/api/v1/licenses/${licenseId}/usage${query}`);

const at = (ms: number): string => new Date(ms).toISOString();

/** Writes the usage of one hour; `active` is `null` if no event contained the number of taken seats. */
async function writeHour(
  hourMs: number,
  peak: number,
  denials: number,
  active: number | null,
): Promise<void> {
  const { licenseId, tenantId } = license;
  const closing = active === null ? null : { position: `${hourMs}-0`, active };
  const hour: UsageHour = { licenseId, tenantId, hourMs, peak, denials, closing };
  await suite.deps.records.create(USAGE_HOURS, usageHourId(licenseId, hourMs), hour);
}

test('returns every hour and day of a week without usage, up to the current hour', async () => {
  const { status, text, body } = await read(license.licenseId);
  expect(status, text).toBe(200);
  expect(body).toMatchObject({
    license_id: license.licenseId,
    max: 5,
    from: '2030-02-03T15:00:00.000Z',
    to: '2030-02-10T15:00:00.000Z',
    peak_seats: 0,
    denials: 0,
  });
  expect(body.hours).toHaveLength(168);
  expect(body.hours[0]).toEqual({ at: '2030-02-03T15:00:00.000Z', peak_seats: 0, denials: 0 });
  expect(body.hours[167]).toEqual({ at: '2030-02-10T14:00:00.000Z', peak_seats: 0, denials: 0 });
  expect(body.days.map((day: { at: string }) => day.at.slice(0, 10))).toEqual(
    Array.from({ length: 8 }, (_, n) => `2030-02-${String(n + 3).padStart(2, '0')}`),
  );
});

test('returns peak seats and denials by hour, by day and in total', async () => {
  await writeHour(RUNNING_HOUR_MS - 2 * DAY_MS, 3, 0, 2);
  await writeHour(RUNNING_HOUR_MS - DAY_MS, 5, 40, 1);
  await writeHour(RUNNING_HOUR_MS - HOUR_MS, 4, 2, 0);
  const { body } = await read(license.licenseId);
  expect(body).toMatchObject({ peak_seats: 5, denials: 42 });
  expect(body.days.slice(-3)).toEqual([
    { at: '2030-02-08T00:00:00.000Z', peak_seats: 3, denials: 0 },
    { at: '2030-02-09T00:00:00.000Z', peak_seats: 5, denials: 40 },
    { at: '2030-02-10T00:00:00.000Z', peak_seats: 4, denials: 2 },
  ]);
  const peaks: number[] = body.hours.map((hour: { peak_seats: number }) => hour.peak_seats);
  // Held seats count in every hour until an event changes them.
  expect(peaks.slice(-50)).toEqual([0, 3, ...Array(23).fill(2), 5, ...Array(22).fill(1), 4, 0]);
});

test('counts seats that were taken long before the period in each of its hours', async () => {
  await writeHour(RUNNING_HOUR_MS - 300 * DAY_MS, 9, 9, 4);
  for (let n = 1; n <= 8; n += 1) await writeHour(RUNNING_HOUR_MS - 20 * DAY_MS + n * HOUR_MS, 0, 3, null);
  const { body } = await read(license.licenseId);
  expect(body).toMatchObject({ peak_seats: 4, denials: 0 });
  expect(body.hours.every((hour: { peak_seats: number }) => hour.peak_seats === 4)).toBe(true);
});

test('widens a period to whole hours and returns it, in any time zone', async () => {
  const cases = [
    ['2030-02-01T10:59:59.999Z', '2030-02-01T11:00:00Z', '10:00', '11:00'],
    ['2030-02-01T10:00:00Z', '2030-02-01T10:00:00.001Z', '10:00', '11:00'],
    ['2030-02-01T10:30:00Z', '2030-02-01T12:30:00Z', '10:00', '13:00'],
    ['2030-02-01T12:30:00+02:00', '2030-02-01T11:30:00Z', '10:00', '12:00'],
  ] as const;
  for (const [from, to, first, last] of cases) {
    const { body } = await read(license.licenseId, `?${new URLSearchParams({ from, to })}`);
    expect([body.from, body.to], from).toEqual([`2030-02-01T${first}:00.000Z`, `2030-02-01T${last}:00.000Z`]);
    expect(body.hours).toHaveLength(Number(last.slice(0, 2)) - Number(first.slice(0, 2)));
  }
});

test('uses hours before the period only for its initial number of seats', async () => {
  const fromMs = RUNNING_HOUR_MS - 3 * DAY_MS;
  await writeHour(fromMs - HOUR_MS, 5, 7, 2);
  await writeHour(fromMs, 3, 1, 3);
  await writeHour(fromMs + 2 * HOUR_MS, 5, 9, 5);
  const { body } = await read(license.licenseId, `?from=${at(fromMs)}&to=${at(fromMs + 2 * HOUR_MS)}`);
  expect(body.hours).toEqual([
    { at: at(fromMs), peak_seats: 3, denials: 1 },
    { at: at(fromMs + HOUR_MS), peak_seats: 3, denials: 0 },
  ]);
  expect(body).toMatchObject({ peak_seats: 3, denials: 1 });
});

test('returns no future hours', async () => {
  await writeHour(RUNNING_HOUR_MS, 2, 0, 2);
  const { body } = await read(license.licenseId, `?from=${at(NOW_MS)}&to=2031-01-01T00:00:00Z`);
  expect(body.to).toBe('2030-02-10T15:00:00.000Z');
  expect(body.hours).toEqual([{ at: at(RUNNING_HOUR_MS), peak_seats: 2, denials: 0 }]);
});

test('starts a week before the end by default, and counts no hours of other licenses', async () => {
  await writeHour(RUNNING_HOUR_MS - 40 * DAY_MS, 5, 5, 5);
  const other = await suite.createLicense({ tenant_id: license.tenantId });
  const { body } = await read(other.licenseId, '?to=2030-01-08T00:00:00Z');
  expect([body.from, body.to]).toEqual(['2030-01-01T00:00:00.000Z', '2030-01-08T00:00:00.000Z']);
  expect(body).toMatchObject({ peak_seats: 0, denials: 0 });
});

test.each([
  ['from', `from=${at(RUNNING_HOUR_MS + HOUR_MS - 31 * DAY_MS - 1)}`],
  ['from', 'from=2029-01-01T00:00:00Z&to=2029-02-01T00:00:01Z'],
  ['from', 'from=2030-02-10T15:00:00Z'],
  ['from', 'from=2040-01-01T00:00:00Z&to=2040-01-02T00:00:00Z'],
  ['to', 'from=2030-02-01T00:00:00Z&to=2030-02-01T00:00:00Z'],
  ['to', 'from=2030-02-01T10:40:00Z&to=2030-02-01T10:20:00Z'],
  ['from', 'from=2030-02-30T00:00:00Z'],
  ['to', 'to=now'],
  ['', 'hours=24'],
])('refuses an invalid %s (?%s), and names the field', async (name, query) => {
  const refused = await read(license.licenseId, `?${query}`);
  expect([refused.status, refused.body.code], refused.text).toEqual([400, 'VALIDATION_FAILED']);
  expect(refused.body.errors.map((error: { at: string }) => error.at)).toEqual([name]);
  expect(refused.body.detail).toContain(name);
});

test('accepts 31 days', async () => {
  for (let n = 0; n < 31 * 24; n += 3) await writeHour(RUNNING_HOUR_MS - n * HOUR_MS, 1, 0, 1);
  for (let n = 1; n < 9; n += 1) await writeHour(RUNNING_HOUR_MS - (31 * 24 + n) * HOUR_MS, 1, 0, 1);
  const from = at(RUNNING_HOUR_MS + HOUR_MS - 31 * DAY_MS);
  const { status, text, body } = await read(license.licenseId, `?from=${from}`);
  expect(status, text).toBe(200);
  expect(body.hours).toHaveLength(31 * 24);
  expect(body.days).toHaveLength(32);
});

test('returns the usual 404 for an unknown license', async () => {
  const unknown = await read(newLicenseId(newTenantId(16)));
  expect([unknown.status, unknown.body.code]).toEqual([404, 'LICENSE_NOT_FOUND']);
  expect(bareAnswer(await read(newLicenseId(newTenantId(16))))).toEqual(bareAnswer(unknown));
});

test('refuses a license key and a request without credentials', async () => {
  const path = `/api/v1/licenses/${license.licenseId}/usage`;
  const refused = await suite.call('GET', path, { authorization: `License ${license.key}` });
  expect([refused.status, refused.body.code]).toEqual([403, 'FORBIDDEN']);
  expect((await suite.call('GET', path)).status).toBe(401);
});
