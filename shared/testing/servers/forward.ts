import http, { type IncomingMessage } from 'node:http';

/** Forwards a request without its `Host` and `Connection` headers. Resolves with the head of the answer. */
export function forward(
  agent: http.Agent,
  targetUrl: string,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<IncomingMessage> {
  // The raw headers: a suite in this process changes the parsed headers of every server in it (raw-body.ts).
  const sent = Array.from({ length: incoming.rawHeaders.length / 2 }, (_, i) =>
    incoming.rawHeaders.slice(2 * i, 2 * i + 2),
  );
  const headers = Object.fromEntries(sent.filter(([name = '']) => !/^(host|connection)$/i.test(name)));
  return new Promise((resolve, reject) => {
    const outgoing = http.request(new URL(incoming.url ?? '/', targetUrl), {
      agent,
      headers,
      method: incoming.method ?? 'GET',
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The whole body. Throws if it is cut off. */
export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
