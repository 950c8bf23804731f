import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { protos } from '@google-cloud/pubsub';

export interface PublishRequest {
  readonly topic: string;
  readonly messages: readonly {
    readonly data: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly orderingKey: string;
  }[];
}

export interface PubSubServer {
  /** `host:port`. */
  readonly host: string;
  /** All requests in order of arrival. */
  readonly requests: readonly PublishRequest[];
  connectionCount(): number;
  /** Queues a status for the next request whose first message is of this license. */
  answerNext(licenseId: string, code: number): void;
  /** Delays answers to requests whose first message is of this license until the returned function is called. */
  hold(licenseId: string): () => void;
  /** Stops answering on all connections that are open now. */
  silenceConnections(): void;
  /** Resolves when `condition` is true. Checks it after each request. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const OK = 0;
/** A gRPC frame starts with a flag (1 byte) and the length of the message (4 bytes). */
const frameHeadBytes = 5;

const { PublishRequest: Request, PublishResponse: Response } = protos.google.pubsub.v1;

/**
 * A fake of Pub/Sub's `Publish` on loopback, over unencrypted gRPC. Unlike the emulator, it answers with the statuses
 * that a test sets.
 */
export async function startPubSubServer(): Promise<PubSubServer> {
  const requests: PublishRequest[] = [];
  const answers = new Map<string, number[]>();
  const held = new Map<string, Promise<void>>();
  const sessions = new Set<ServerHttp2Session>();
  const silenced = new WeakSet<object>();
  let connectionCount = 0;
  const waiting: (() => void)[] = [];

  async function serve(stream: ServerHttp2Stream): Promise<void> {
    if (stream.session && silenced.has(stream.session)) return;
    const request = decode(await buffer(stream));
    requests.push(request);
    for (const resolve of waiting.splice(0)) resolve();
    const licenseId = request.messages[0]?.attributes.license_id ?? '';
    await held.get(licenseId);
    answer(stream, answers.get(licenseId)?.shift() ?? OK, 'as the test asked for');
  }

  const server = createServer();
  server.on('stream', (stream) => {
    serve(stream).catch(() => stream.close());
  });
  server.on('session', (session) => {
    connectionCount += 1;
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');

  return {
    host: `127.0.0.1:${address.port}`,
    requests,
    connectionCount: () => connectionCount,
    answerNext(licenseId, code) {
      answers.set(licenseId, [...(answers.get(licenseId) ?? []), code]);
    },
    hold(licenseId) {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.set(licenseId, promise);
      return resolve;
    },
    silenceConnections() {
      for (const session of sessions) silenced.add(session);
    },
    async until(condition) {
      while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

function decode(body: Buffer): PublishRequest {
  const { topic, messages } = Request.decode(body.subarray(frameHeadBytes));
  return {
    topic,
    messages: messages.map(({ data, attributes, orderingKey }) => ({
      data: Buffer.from(data ?? '').toString(),
      attributes: attributes ?? {},
      orderingKey: orderingKey ?? '',
    })),
  };
}

function answer(stream: ServerHttp2Stream, code: number, details: string): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code, 'grpc-message': details }));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
  if (code !== OK) {
    stream.end();
    return;
  }
  const message = Response.encode({ messageIds: ['1'] }).finish();
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([head, message]));
}
