import type { IncomingMessage } from 'node:http';

/** The body of a request as text. Throws beyond `mostCharacters`. */
export async function readBody(request: IncomingMessage, mostCharacters: number): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > mostCharacters) throw new Error('The request is too large.');
  }
  return body;
}
