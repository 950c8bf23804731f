import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** The caller's request id where it is a plain word of 8 to 64 characters, or a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w-]{8,64}$/.test(given)
    ? given
    : `req_${randomBytes(12).toString('hex')}`;
}

/**
 * Fields that tie a log line to its trace in Cloud Logging, from `traceparent` (W3C Trace Context) or the older
 * `X-Cloud-Trace-Context`. Without a project there is no trace to link to.
 */
export function traceFields(
  headers: IncomingHttpHeaders,
  projectId: string | undefined,
): Record<string, string> {
  const w3c = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/.exec(
    String(headers.traceparent ?? ''),
  );
  const google = /^([0-9a-f]{32})\b/.exec(String(headers['x-cloud-trace-context'] ?? ''));
  const traceId = w3c?.[1] ?? google?.[1];
  if (!traceId) return {};
  return {
    'logging.googleapis.com/trace': projectId ? `projects/${projectId}/traces/${traceId}` : traceId,
    ...(w3c?.[2] ? { 'logging.googleapis.com/spanId': w3c[2] } : {}),
  };
}
