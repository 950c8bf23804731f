import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as z from 'zod/mini';
import { PushEnvelope } from '../../shared/domain/event-message.ts';

const DELIVER_WITHIN_MS = 12_000;

const OurEnvelope = z.extend(PushEnvelope, {
  message: z.extend(PushEnvelope.shape.message, { attributes: z.object({ event_id: z.string() }) }),
});

export interface Acknowledgements {
  /** For the push subscription's endpoint. */
  readonly url: string;
  /** Events whose delivery was acknowledged to the topic. */
  readonly eventIds: ReadonlySet<string>;
  /** Number of deliveries by status; 0 for no response. */
  readonly statuses: ReadonlyMap<number, number>;
  /** When deliveries were acknowledged, in order. */
  readonly atMs: readonly number[];
  close(): Promise<void>;
}

/** Receives the topic's deliveries, forwards them to `target` and records the responses. */
export async function watchAcknowledgements(target: string): Promise<Acknowledgements> {
  const eventIds = new Set<string>();
  const statuses = new Map<number, number>();
  const atMs: number[] = [];
  const count = (status: number): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1);

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const answer = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(DELIVER_WITHIN_MS),
    });
    await answer.arrayBuffer();
    count(answer.status);
    if (answer.ok) {
      const envelope = z.parse(OurEnvelope, JSON.parse(body.toString()));
      eventIds.add(envelope.message.attributes.event_id);
      atMs.push(Date.now());
    }
    outgoing.writeHead(answer.status).end();
  }

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => {
      count(0);
      incoming.socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    eventIds,
    statuses,
    atMs,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
