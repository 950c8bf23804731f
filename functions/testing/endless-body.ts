import net from 'node:net';
import { type RawAnswer, readAnswers } from './raw-http.ts';

export interface Upload {
  readonly answer: RawAnswer | undefined;
  /** What the connection took of the body, in bytes. */
  readonly sentBytes: number;
}

const CHUNK = Buffer.alloc(64 * 1024, ' ');
const FRAMED = Buffer.concat([Buffer.from(`${CHUNK.length.toString(16)}\r\n`), CHUNK, Buffer.from('\r\n')]);

/**
 * Sends a body in chunks, without its length, as fast as the server takes it, until it was sent or the server closes the
 * connection. `head` is the request line and further headers.
 */
export function sendChunked(url: string, head: readonly string[], bytes: number): Promise<Upload> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    let sentBytes = 0;
    const socket = net.connect(Number(port), hostname);
    socket.setTimeout(10_000, () => socket.destroy(new Error('The server left the connection open.')));
    socket.write([...head, `Host: ${host}`, 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
    const send = (): void => {
      while (sentBytes < bytes && socket.writable) {
        sentBytes += CHUNK.length;
        if (!socket.write(FRAMED)) {
          socket.once('drain', send);
          return;
        }
      }
      if (socket.writable) socket.end('0\r\n\r\n');
    };
    socket.on('connect', send);
    socket.on('data', (data) => received.push(data));
    socket.on('error', (error) => {
      // The server closes the connection while we still write.
      if (!('code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE'))) reject(error);
    });
    socket.on('close', () => {
      const [answer] = readAnswers(Buffer.concat(received).toString('latin1'));
      resolve({ answer, sentBytes });
    });
  });
}
