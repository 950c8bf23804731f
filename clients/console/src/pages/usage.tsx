import type { License, LicenseUsage } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { hourName, hourTick, utcDayName, utcDayTick } from '../time.ts';
import { LicensePage } from '../ui/license-page.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { useLoad } from '../ui/use-load.ts';
import { type Bar, Chart } from '../usage/chart.tsx';
import { Metered } from '../usage/metered.tsx';
import { lastDays } from '../usage/period.ts';
import { type Advice, seatsNeeded } from '../usage/seats-needed.ts';
import type { TenantPageProps } from '../viewer.ts';

const HOURS_SHOWN = 48;
const PERCENT = 99;

export function UsagePage({ tenant }: TenantPageProps) {
  return <LicensePage title="Usage" tenant={tenant} render={(license) => <UsageOf license={license} />} />;
}

function UsageOf({ license }: { readonly license: License }) {
  const { call } = useConsole();
  const { license_id } = license;
  const usage = useLoad(
    (signal) => call('licensesUsage', { params: { license_id }, query: lastDays(Date.now()), signal }),
    [call, license_id],
  );
  return (
    <>
      <Loaded of={usage} render={(value) => <Charts usage={value} />} />
      <Metered licenseId={license_id} />
    </>
  );
}

function Charts({ usage }: { readonly usage: LicenseUsage }) {
  const { hours, days, max, peak_seats, denials } = usage;
  if (peak_seats === 0 && denials === 0) {
    return (
      <div class="empty">
        <h2>No seats used in the last {days.length} days</h2>
        <p class="quiet">New usage appears here after up to two minutes.</p>
      </div>
    );
  }
  return (
    <>
      <AdviceCard advice={seatsNeeded(hours, PERCENT)} max={max} days={days.length} />
      <Chart
        title={`Last ${HOURS_SHOWN} hours`}
        bars={hours.slice(-HOURS_SHOWN).map(barOfHour)}
        max={max}
        unit="Hour"
      />
      <Chart title={`Last ${days.length} days`} bars={days.map(barOfDay)} max={max} unit="Day (UTC)" />
      <p class="quiet small footnote">
        Hours are in your time zone, days in UTC. New usage appears here after up to two minutes. “Denied”
        counts requests: a program that retries is counted each time.
      </p>
    </>
  );
}

interface AdviceProps {
  readonly advice: Advice | undefined;
  readonly max: number;
  readonly days: number;
}

/** Answers "how many seats do I need?", and explains how the number is computed. */
function AdviceCard({ advice, max, days }: AdviceProps) {
  if (!advice) return null;
  const { seats, busyHours, deniedHours, isLowerBound } = advice;
  return (
    <section class="card advice" aria-label={`Seats needed for ${PERCENT} % of the hours`}>
      <h2>Seats needed for {PERCENT} % of the hours</h2>
      <p class="seat-figure">
        {isLowerBound && 'at least '}
        <strong>{seats}</strong>
        <span>{comparison(seats, max)}</span>
      </p>
      <p class="quiet">
        {isLowerBound
          ? 'At least this many seats were needed to cover'
          : 'This many seats would have covered'}{' '}
        {PERCENT} % of the {busyHours} {busyHours === 1 ? 'hour' : 'hours'} with activity in the last {days}{' '}
        days.{' '}
        {deniedHours > 0 &&
          `In ${deniedHours} of them, seats were denied. Denied requests do not show how many users were affected, so each of these hours counts as one seat more than its peak.`}
      </p>
    </section>
  );
}

function comparison(seats: number, max: number): string {
  if (seats === max) return 'as many as you have';
  return seats > max ? `${seats - max} more than you have` : `${max - seats} fewer than you have`;
}

function barOfHour({ at, peak_seats, denials }: LicenseUsage['hours'][number]): Bar {
  const date = new Date(at);
  const tick = date.getHours() % 6 === 0 ? hourTick(date) : undefined;
  return { at, name: hourName(date), tick, peak_seats, denials };
}

function barOfDay({ at, peak_seats, denials }: LicenseUsage['days'][number], index: number): Bar {
  const date = new Date(at);
  return {
    at,
    name: utcDayName(date),
    tick: index % 5 === 0 ? utcDayTick(date) : undefined,
    peak_seats,
    denials,
  };
}
