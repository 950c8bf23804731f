import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';

/**
 * An HTTP server on loopback that reads the whole request and then answers with `respond`: for answers that no correct
 * server sends. `close` also closes open connections.
 */
export async function cannedServer(
  respond: (response: ServerResponse, request: IncomingMessage, body: string) => void,
): Promise<{ readonly url: string; close(): void }> {
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => respond(response, request, body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
