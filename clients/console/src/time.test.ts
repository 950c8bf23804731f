import { expect, test } from 'vitest';
import { dateAndTime, durationOf, relativeTo, shortDateAndTime } from './time.ts';

const NOW = Date.parse('2026-11-28T10:00:00Z');
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

test.each([
  [0, 'just now'],
  [-59 * SECOND, 'just now'],
  [59 * SECOND, 'in a moment'],
  [-60 * SECOND, '1 minute ago'],
  [359 * SECOND, 'in 5 minutes'],
  [-HOUR, '1 hour ago'],
  [47 * HOUR, 'in 1 day'],
  [-49 * HOUR, '2 days ago'],
])('an offset of %i ms is "%s"', (offsetMs, words) => {
  expect(relativeTo(NOW + offsetMs, NOW)).toBe(words);
});

test.each([
  [1, '1 second'],
  [50, '50 seconds'],
  [300, '5 minutes'],
  [3_600, '1 hour'],
  [14 * 86_400, '14 days'],
])('%i seconds are "%s"', (seconds, words) => {
  expect(durationOf(seconds)).toBe(words);
});

test('formats a time in the given time zone', () => {
  expect(dateAndTime(new Date(NOW), 'Asia/Kolkata')).toBe('28 Nov 2026, 15:30');
  expect(dateAndTime(new Date(NOW), 'UTC')).toBe('28 Nov 2026, 10:00');
});

test('leaves out the date for today, in the given time zone, and the year for this year', () => {
  const late = new Date('2026-11-28T23:30:00Z');
  expect(shortDateAndTime(late, NOW, 'UTC')).toBe('23:30');
  expect(shortDateAndTime(late, NOW, 'Europe/Berlin')).toBe('29 Nov, 00:30');
  expect(shortDateAndTime(new Date('2027-01-02T08:00:00Z'), NOW, 'UTC')).toBe('2 Jan 2027, 08:00');
});
