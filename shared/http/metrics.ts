import { type Attributes, metrics } from '@opentelemetry/api';
import type { LogLine } from '../ports/log-line.ts';
import type { FunctionContract } from './contract.ts';

/** Seconds: the boundaries that OpenTelemetry gives for HTTP servers. */
const DURATION_BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * Counts what log lines tell, by OpenTelemetry: requests by function, endpoint and verdict, how long they took, and the
 * numbers that the contract measures. All attributes are words of ours, so there are as many series as contracts make,
 * whatever strangers ask for. Until somebody registers an SDK, nothing is counted and nothing is spent; as the API gives
 * instruments to an SDK only if it was there before them, they are made with the first line.
 */
export function openMeasures(contract: FunctionContract): (line: LogLine, seconds: number) => void {
  let measure: ((line: LogLine, seconds: number) => void) | undefined;
  return (line, seconds) => {
    measure ??= instrumentsOf(contract);
    measure(line, seconds);
  };
}

function instrumentsOf({ name, measures = [] }: FunctionContract) {
  const meter = metrics.getMeter('seatlease');
  const requests = meter.createCounter('seatlease.requests', {
    unit: '{request}',
    description: 'Requests that ended, by function, endpoint and verdict.',
  });
  const duration = meter.createHistogram('seatlease.request.duration', {
    unit: 's',
    description: 'Time from a request to its answer.',
    advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
  });
  const numbers = measures.map(({ field, kind, name: called, ...options }) => {
    if (kind === 'counter') {
      const counter = meter.createCounter(called, options);
      return { field, take: (count: number) => counter.add(count) };
    }
    const gauge = meter.createGauge(called, options);
    return { field, take: (level: number) => gauge.record(level) };
  });

  return (line: LogLine, seconds: number): void => {
    const endpoint: Attributes = { function: name, endpoint: line.endpoint ?? 'none' };
    requests.add(1, { ...endpoint, verdict: line.verdict });
    duration.record(seconds, endpoint);
    for (const { field, take } of numbers) {
      const told = line[field];
      // Of nothing there is no age; but a gauge that was told nothing would stay where it was.
      if (told !== undefined) take(told ?? 0);
    }
  };
}
