import { once } from 'node:events';
import net, { type Socket } from 'node:net';

const HOST = '127.0.0.1';

/** What the proxy did to its connections. */
export interface Harm {
  /** Connections cut while open. */
  connectionsCut: number;
  /** Responses that the client never received; their connection was cut. */
  answersLost: number;
  /** Pieces of either direction that arrived late. */
  piecesDelayed: number;
}

export interface TcpProxy {
  readonly port: number;
  readonly harm: Readonly<Harm>;
  /** Cuts every connection that is open now. */
  cut(): void;
  /** While true, requests arrive, but the first piece of a response ends the connection. */
  loseAnswers(isLosing: boolean): void;
  /** Delays data from now on, in order, even after its sender has closed. 0 ends the delay. */
  delay(delayMs: number): void;
  /** While shut, new connections are refused; open ones are cut. */
  shut(isShut: boolean): void;
  close(): Promise<void>;
}

/** A proxy on loopback that injects faults into TCP connections, whatever their protocol. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const harm: Harm = { connectionsCut: 0, answersLost: 0, piecesDelayed: 0 };
  const open = new Set<Socket>();
  let delayMs = 0;
  let isLosing = false;
  let isShut = false;

  function cutAll(): void {
    for (const socket of open) socket.destroy();
    harm.connectionsCut += open.size;
    open.clear();
  }

  const server = net.createServer({ noDelay: true }, (client) => {
    client.on('error', () => {});
    if (isShut) {
      client.destroy();
      return;
    }
    const target = net.connect({ host: HOST, port: targetPort, noDelay: true });
    target.on('error', () => {});
    open.add(client);
    client.on('close', () => {
      open.delete(client);
      toTarget.end();
    });
    target.on('close', () => toClient.end());

    const lateBy = (): number => {
      if (delayMs > 0) harm.piecesDelayed += 1;
      return delayMs;
    };
    const toTarget = lane(target);
    const toClient = lane(client);
    client.on('data', (piece) => toTarget.send(piece, lateBy()));
    target.on('data', (piece) => {
      if (!isLosing) {
        toClient.send(piece, lateBy());
        return;
      }
      harm.answersLost += 1;
      open.delete(client);
      client.destroy();
      target.destroy();
    });
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');

  return {
    port: address.port,
    harm,
    cut: cutAll,
    loseAnswers(value) {
      isLosing = value;
    },
    delay(value) {
      delayMs = value;
    },
    shut(value) {
      isShut = value;
      if (value) cutAll();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** One direction of a connection: delayed data holds back what comes after it. */
function lane(to: Socket): { send(piece: Buffer, delayMs: number): void; end(): void } {
  const waiting: { readonly dueMs: number; readonly piece: Buffer | undefined }[] = [];
  let timer: NodeJS.Timeout | undefined;

  function deliver(): void {
    timer = undefined;
    for (let next = waiting[0]; next && next.dueMs <= performance.now(); next = waiting[0]) {
      waiting.shift();
      if (next.piece === undefined) to.destroySoon();
      else if (!to.destroyed) to.write(next.piece);
    }
    const [next] = waiting;
    if (next) timer = setTimeout(deliver, Math.ceil(next.dueMs - performance.now()));
  }

  function add(piece: Buffer | undefined, delayMs: number): void {
    waiting.push({ dueMs: performance.now() + delayMs, piece });
    if (timer === undefined) deliver();
  }
  return { send: add, end: () => add(undefined, 0) };
}
