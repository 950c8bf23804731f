import type { Reply } from './suite.ts';

/** Headers that differ from answer to answer and tell nothing about its subject. */
const PASSING = new Set(['date', 'x-request-id', 'ratelimit-remaining', 'ratelimit-reset']);

/** All that a caller can see of an answer but when it was given and its request id: two of these are equal or they tell. */
export function bareAnswer(reply: Reply): { status: number; headers: [string, string][]; text: string } {
  const requestId = reply.headers.get('x-request-id') ?? '';
  return {
    status: reply.status,
    headers: [...reply.headers].filter(([name]) => !PASSING.has(name)),
    text: requestId ? reply.text.replaceAll(requestId, '<request id>') : reply.text,
  };
}
