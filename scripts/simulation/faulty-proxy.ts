import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, forward } from '../../shared/testing/servers/forward.ts';
import { type Answer, DISTORTIONS } from './distortions.ts';
import type { Fate } from './request-faults.ts';

export interface FaultyProxy {
  readonly url: string;
  /** Number of requests so far, by operation and fate. */
  readonly tally: ReadonlyMap<string, number>;
  /** Until `listenAgain`, connections are refused, and those that are open are cut. */
  stopListening(): void;
  listenAgain(): Promise<void>;
  close(): Promise<void>;
}

export interface SentRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Can also be a change that the caller makes. All of the changed response is sent at once, `afterMs` later. */
export interface ProxyFate extends Omit<Fate, 'answer'> {
  readonly answer:
    | Fate['answer']
    | { readonly how: 'CHANGED'; readonly change: (answer: Answer) => Answer; readonly afterMs: number };
}

export interface FaultyProxyOptions {
  readonly targetUrl: string;
  /** Default: any free port. */
  readonly port?: number;
  /** Called once for each request, in order of arrival. */
  readonly nextFate: (request: SentRequest) => ProxyFate;
  /** Called with the target's true response, whatever the client receives. */
  readonly noteAnswer?: (request: SentRequest, answer: Answer) => void;
  /** Called with what the client receives, before its first byte is sent. */
  readonly noteTold?: (request: SentRequest, answer: Answer) => void;
}

/** Number of pieces of a slow body. */
const PIECES = 20;

/** A proxy on loopback that applies a fate to each request and its response. */
export async function startFaultyProxy(options: FaultyProxyOptions): Promise<FaultyProxy> {
  const { targetUrl, nextFate, noteAnswer = () => {}, noteTold = () => {} } = options;
  const agent = new http.Agent({ keepAlive: true });
  const tally = new Map<string, number>();
  const stopping = new AbortController();
  const wait = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stopping.signal });

  async function passOn(incoming: IncomingMessage, request: SentRequest, body: Buffer): Promise<Answer> {
    const answer = await answerOf(await forward(agent, targetUrl, incoming, body));
    noteAnswer(request, answer);
    return answer;
  }

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const { method = 'GET', url: path = '/', headers } = incoming;
    const request: SentRequest = { method, path, headers, body: body.toString() };
    const fate = nextFate(request);
    const outcome = `${path.split('/').at(-1)} ${fate.answer.how}`;
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1);

    const { arrivesAfterMs, againAfterMs } = fate;
    if (againAfterMs !== undefined) {
      wait(againAfterMs)
        .then(() => passOn(incoming, request, body))
        .catch(() => {});
    }
    let answer: Answer = { status: 200, headers: {}, body: '' };
    if (arrivesAfterMs !== undefined) {
      await wait(arrivesAfterMs);
      answer = await passOn(incoming, request, body);
    }
    if (fate.answer.how === 'NEVER') return;
    const { how, afterMs } = fate.answer;
    if (how === 'RESET') {
      await wait(afterMs);
      incoming.socket.resetAndDestroy();
      return;
    }
    const told = how === 'CHANGED' ? fate.answer.change(answer) : DISTORTIONS[how](answer);
    if (how === 'CHANGED') await wait(afterMs);
    // The client may have given up before.
    if (!incoming.socket.destroyed) noteTold(request, told);
    await sendSlowly(outgoing, told, (part) => wait(how === 'CHANGED' ? 0 : afterMs * part));
  }

  const server = http.createServer({ noDelay: true }, (incoming, outgoing) => {
    relay(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  const { port } = address;

  function stopListening(): void {
    server.close();
    server.closeAllConnections();
  }

  return {
    url: `http://127.0.0.1:${port}`,
    tally,
    stopListening,
    async listenAgain() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    async close() {
      stopping.abort();
      const closed = server.listening ? once(server, 'close') : undefined;
      stopListening();
      agent.destroy();
      await closed;
    },
  };
}

async function answerOf(reply: IncomingMessage): Promise<Answer> {
  const headers = Object.entries(reply.headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  const body = (await bodyOf(reply)).toString();
  return { status: reply.statusCode ?? 0, headers: Object.fromEntries(headers), body };
}

/** Sends the body in pieces. `wait` waits for a fraction of the total time. */
async function sendSlowly(
  outgoing: ServerResponse,
  answer: Answer,
  wait: (part: number) => Promise<void>,
): Promise<void> {
  const { 'transfer-encoding': _, ...headers } = answer.headers;
  const bytes = Buffer.from(answer.body);
  const length = bytes.length + (answer.isCutShort ? 1 : 0);
  const hasBody = answer.status !== 204;
  outgoing.writeHead(answer.status, { ...headers, ...(hasBody && { 'content-length': length }) });
  outgoing.flushHeaders();
  const pieces = Math.max(1, Math.min(PIECES, bytes.length));
  for (let i = 0; i < pieces; i += 1) {
    await wait(1 / pieces);
    const piece = bytes.subarray((bytes.length * i) / pieces, (bytes.length * (i + 1)) / pieces);
    if (piece.length > 0) outgoing.write(piece);
  }
  if (answer.isCutShort) outgoing.destroy();
  else outgoing.end();
}
