import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface PushRelay {
  /** For a push subscription's endpoint. */
  readonly url: string;
  /** What the target answered to each delivery that reached it, in order. */
  readonly statuses: readonly number[];
  /** The next `count` deliveries are cut off before the target hears of them. */
  dropNextDeliveries(count: number): void;
  /** The next `count` deliveries reach the target, but its answers are lost. */
  dropNextAnswers(count: number): void;
  close(): Promise<void>;
}

/**
 * Stands between the Pub/Sub emulator and an endpoint. Each delivery goes on to `target` with a token in it, as
 * Pub/Sub itself does and its emulator does not, and the target's status goes back. A target that does not answer is
 * a cut connection to the emulator.
 */
export async function startPushRelay(options: {
  readonly target: URL | string;
  /** Asked for each delivery. */
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
      // Said anew: a suite served by this very process has replaced what the emulator said (raw-body.ts).
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
