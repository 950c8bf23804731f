import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface PushRelay {
  /** The endpoint for a push subscription. */
  readonly url: string;
  /** HTTP statuses of the target's answers, in order. */
  readonly statuses: readonly number[];
  /** Closes the connections of the next `count` deliveries without passing them on. */
  dropNextDeliveries(count: number): void;
  /** Passes the next `count` deliveries on, but closes the connection instead of answering. */
  dropNextAnswers(count: number): void;
  close(): Promise<void>;
}

/**
 * A relay between the Pub/Sub emulator and an endpoint. It passes each delivery on to `target` and adds a token, which
 * Pub/Sub does but its emulator does not, and returns the target's status. If the target does not answer, the
 * emulator's connection is closed.
 */
export async function startPushRelay(options: {
  readonly target: URL | string;
  /** Called for each delivery. */
  readonly token: () => string;
}): Promise<PushRelay> {
  const statuses: number[] = [];
  let deliveriesToDrop = 0;
  let answersToDrop = 0;

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    if (deliveriesToDrop > 0) {
      deliveriesToDrop -= 1;
      incoming.socket.destroy();
      return;
    }
    const isAnswerLost = answersToDrop > 0;
    if (isAnswerLost) answersToDrop -= 1;
    const answer = await fetch(options.target, {
      method: 'POST',
      // Set again: a suite in the same process replaces the content type that the emulator sent (raw-body.ts).
      headers: { 'content-type': 'application/json', authorization: `Bearer ${options.token()}` },
      body,
    });
    await answer.arrayBuffer();
    statuses.push(answer.status);
    if (isAnswerLost) incoming.socket.destroy();
    else outgoing.writeHead(answer.status).end();
  }

  const server = createServer((incoming, outgoing) => {
    relay(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');

  return {
    url: `http://127.0.0.1:${address.port}/`,
    statuses,
    dropNextDeliveries(count) {
      deliveriesToDrop = count;
    },
    dropNextAnswers(count) {
      answersToDrop = count;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
