import { type Attributes, metrics } from '@opentelemetry/api';
import type { LogLine } from '../ports/log-line.ts';
import type { FunctionContract } from './contract.ts';

/** In seconds: the boundaries that OpenTelemetry recommends for HTTP servers. */
const DURATION_BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * Records OpenTelemetry metrics from log lines: requests by function, endpoint and verdict, their duration, and the
 * numbers in the contract's `measures`. Attributes hold only our own words, never a caller's text, so the number of
 * series is bounded. Without a registered SDK this records nothing and costs nothing. The instruments are created with
 * the first line, because an SDK gets only instruments that are created after it was registered.
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
    description: 'Finished requests by function, endpoint and verdict.',
  });
  const duration = meter.createHistogram('seatlease.request.duration', {
    unit: 's',
    description: 'Time from receiving a request to sending the answer.',
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
      const value = line[field];
      // `null` is the age of an empty outbox. It must be recorded as 0: else the gauge would keep its last value.
      if (value !== undefined) take(value ?? 0);
    }
  };
}
