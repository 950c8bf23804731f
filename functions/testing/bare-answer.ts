import type { Reply } from './suite.ts';

/** Headers that differ between answers to the same request. */
const VOLATILE = new Set(['date', 'x-request-id', 'ratelimit']);

/**
 * Everything that a caller sees of an answer, except its time, its request id and the state of the rate limit. Two
 * answers that differ in the rest reveal something to the caller.
 */
export function bareAnswer(reply: Reply): { status: number; headers: [string, string][]; text: string } {
  const requestId = reply.headers.get('x-request-id') ?? '';
  return {
    status: reply.status,
    headers: [...reply.headers].filter(([name]) => !VOLATILE.has(name)),
    text: requestId ? reply.text.replaceAll(requestId, '<request id>') : reply.text,
  };
}
