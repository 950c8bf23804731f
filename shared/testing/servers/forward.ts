import http, { type IncomingMessage } from 'node:http';

/** Passes a request on as it came, but for what concerns the one connection alone. Resolves with the answer's head. */
export function forward(
  agent: http.Agent,
  targetUrl: string,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<IncomingMessage> {
  // As they were sent: where the suite runs in this process too, it marks the requests of every server in it.
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

/** All of it; throws where it is cut short. */
export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
