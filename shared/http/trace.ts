import type { IncomingHttpHeaders } from 'node:http';
import { randomBytesOf } from '../domain/random.ts';
import type { LogLine } from '../ports/log-line.ts';

/**
 * The forms of request ids that we accept: a UUID (RFC 9562), as all our clients send, or one of ours. Request ids are
 * logged and repeated in answers, so no secret may have such a form: license keys, tokens, codes and generated operator
 * keys are longer or have other characters.
 */
export const REQUEST_ID = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|req_[0-9a-f]{24})$/i;

/** The caller's request id if it has an accepted form, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given)
    ? given
    : `req_${randomBytesOf(12).toString('hex')}`;
}

/** The trace that a request belongs to. */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** The caller's span in the trace, 16 hexadecimal digits. */
  readonly parentId?: string | undefined;
  /** Sampled (1) and random (2). Other bits have no defined meaning and are not passed on. */
  readonly flags: number;
}

const KNOWN_FLAGS = 0b11;
const SAMPLED = 0b01;

/**
 * The trace of the caller, from `traceparent` or the older `X-Cloud-Trace-Context`. No trace is started here: on Cloud
 * Run every request has one, and elsewhere nothing collects traces.
 */
export function traceOf(headers: IncomingHttpHeaders): Trace | undefined {
  return readTraceparent(headers.traceparent) ?? readCloudTrace(headers['x-cloud-trace-context']);
}

/** W3C Trace Context, section 3.2: an invalid header is ignored. Later versions may add fields at the end. */
export function readTraceparent(value: unknown): Trace | undefined {
  const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
  const [, version, traceId = '', parentId = '', flags = '', more] = form.exec(String(value)) ?? [];
  const isValid = version !== 'ff' && !(version === '00' && more !== undefined);
  if (!isValid || isZero(traceId) || isZero(parentId)) return undefined;
  return { traceId, parentId, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS };
}

/** `TRACE/SPAN;o=SAMPLED`, with a decimal span (https://cloud.google.com/trace/docs/trace-context). */
function readCloudTrace(value: unknown): Trace | undefined {
  const form = /^([0-9a-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?/;
  const [, traceId = '', span = '0', option] = form.exec(String(value)) ?? [];
  if (isZero(traceId)) return undefined;
  const parentId = BigInt.asUintN(64, BigInt(span)).toString(16).padStart(16, '0');
  return {
    traceId,
    parentId: isZero(parentId) ? undefined : parentId,
    flags: option === '1' ? SAMPLED : 0,
  };
}

/** Also true for an empty text. */
function isZero(digits: string): boolean {
  return /^0*$/.test(digits);
}

/** The `traceparent` of a call that this request makes: the same trace with a new span. */
export function nextTraceparent({ traceId, flags }: Trace): string {
  return `00-${traceId}-${randomBytesOf(8).toString('hex')}-${flags.toString(16).padStart(2, '0')}`;
}

type TraceFields = Pick<LogLine, `logging.googleapis.com/${'trace' | 'spanId' | 'trace_sampled'}`>;

/** Log fields that link a log line to its trace in Cloud Logging. */
export function traceFields(trace: Trace | undefined, projectId: string | undefined): TraceFields {
  if (!trace) return {};
  return {
    'logging.googleapis.com/trace': traceName(trace, projectId),
    ...(trace.parentId && { 'logging.googleapis.com/spanId': trace.parentId }),
    'logging.googleapis.com/trace_sampled': (trace.flags & SAMPLED) !== 0,
  };
}

/** The name of a trace in Cloud Trace; without a project, only its id. */
export function traceName({ traceId }: Trace, projectId: string | undefined): string {
  return projectId ? `projects/${projectId}/traces/${traceId}` : traceId;
}
