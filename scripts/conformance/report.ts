import type { Result } from './run.ts';

/** So many of the last lines of both logs are shown. */
const SHOWN_LINES = 40;

/** One line for a scenario; below it, if it failed, why, and both logs. */
export function describeResult({ id, promise, verdict, because, timeline, seconds }: Result): string {
  const took = seconds > 0 ? ` (${seconds.toFixed(1)} s)` : '';
  const head = `${verdict}  ${id}  ${promise}${took}`;
  if (verdict === 'PASS') return head;
  const why = because.map((reason) => `      ${verdict === 'FAIL' ? '✗ ' : ''}${reason}`);
  const left = timeline.length - SHOWN_LINES;
  const excerpt = [
    ...(left > 0 ? [`          … ${left} earlier lines`] : []),
    ...timeline.slice(-SHOWN_LINES).map((line) => `      ${line}`),
  ];
  return [head, ...why, ...excerpt].join('\n');
}

export function describeResults(results: readonly Result[]): string {
  const count = (verdict: Result['verdict']): number =>
    results.filter((one) => one.verdict === verdict).length;
  const sum = `${count('PASS')} passed, ${count('FAIL')} failed, ${count('SKIP')} skipped`;
  return [...results.map(describeResult), '', sum].join('\n');
}
