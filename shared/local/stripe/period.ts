export type Interval = 'month' | 'year';

/**
 * The end of the period that starts at `start`: the anchor's day of the month, or the last day of a shorter month
 * (docs.stripe.com/billing/subscriptions/billing-cycle). All in seconds.
 */
export function periodEnd(anchor: number, start: number, interval: Interval): number {
  const end = new Date(start * 1000);
  end.setUTCDate(1);
  end.setUTCMonth(end.getUTCMonth() + (interval === 'year' ? 12 : 1));
  end.setUTCDate(Math.min(new Date(anchor * 1000).getUTCDate(), lastDayOfMonth(end)));
  return Math.floor(end.getTime() / 1000);
}

function lastDayOfMonth(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}
