import { Unavailable } from '../errors.ts';
import type { LogLine } from '../ports/log-line.ts';
import { limitField } from './limit-field.ts';

/**
 * This type makes Error Reporting include a log entry
 * (https://cloud.google.com/error-reporting/docs/formatting-error-messages).
 */
const REPORTED = 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent';

/** The log fields of a fault. An unavailable dependency is no bug: it has no stack. */
export function faultFields(
  fault: unknown,
): Pick<LogLine, 'severity' | 'because' | 'redis_limit' | 'stack_trace' | '@type'> {
  const fields = { severity: 'ERROR', because: withCauses(fault, messageOf) } as const;
  return fault instanceof Unavailable
    ? { ...fields, ...limitField(fault) }
    : { ...fields, '@type': REPORTED, stack_trace: withCauses(fault, stackOf) };
}

export function withCauses(fault: unknown, read: (error: Error) => string = messageOf): string {
  if (!(fault instanceof Error)) return String(fault);
  const text = read(fault);
  return fault.cause === undefined ? text : `${text}\nCaused by: ${withCauses(fault.cause, read)}`;
}

const messageOf = ({ name, message }: Error): string => `${name}: ${message}`;
const stackOf = (error: Error): string => error.stack ?? messageOf(error);
