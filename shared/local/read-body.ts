import type { IncomingMessage } from 'node:http';

/** The body of a request as text. Throws if it has more than `maxCharacters`. */
export async function readBody(request: IncomingMessage, maxCharacters: number): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > maxCharacters) throw new Error('The request is too large.');
  }
  return body;
}
