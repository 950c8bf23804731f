import { createServer } from 'node:http';

/** The origin that a request is forwarded to, or the response to return instead. */
export type Choice = string | { readonly status: number; readonly body: unknown };

/** For tests: a server that forwards to others, one origin like Hosting. */
export async function startFront(
  choose: (method: string, path: string, search: string) => Choice,
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    const [path = '', search = ''] = url.split('?');
    const choice = choose(method, path, search);
    const reply =
      typeof choice === 'string'
        ? await fetch(`${choice}${url}`, {
            method,
            headers: {
              ...(headers.authorization && { authorization: headers.authorization }),
              ...(chunks.length > 0 && { 'content-type': 'application/json' }),
            },
            ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
          }).then(async (real) => ({ status: real.status, text: await real.text() }))
        : { status: choice.status, text: JSON.stringify(choice.body) };
    response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}
