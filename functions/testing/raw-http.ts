import net from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/**
 * Sends bytes as they are, and returns every answer up to the close of the connection. For requests that no HTTP client
 * sends. With `isCutShort`, closes our side of the connection after the last byte, in the middle of a request.
 */
export async function sendRaw(url: string, bytes: string | Buffer, isCutShort = false): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url);
  const received = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(Number(port), hostname);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('The server left the connection open.')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error) => {
      // A server can close the connection while we still write. Its earlier answers count.
      if ('code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
      reject(error);
    });
    socket.on('close', () => resolve(Buffer.concat(chunks)));
    socket.write(bytes);
    if (isCutShort) socket.end();
  });
  return readAnswers(received.toString('latin1'));
}

/**
 * Whether Node's HTTP parser refused the bytes before there was a request to answer: 400, 417 or 431 without a body, a
 * content type and a request id.
 */
export function isParserRefusal({ status, headers, body }: RawAnswer): boolean {
  const isBare =
    body === '' && headers['content-type'] === undefined && headers['x-request-id'] === undefined;
  return isBare && [400, 417, 431].includes(status);
}

export function readAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; rest.length > 0; ) {
    const headEnd = rest.indexOf('\r\n\r\n');
    const [start = '', ...lines] = rest.slice(0, headEnd < 0 ? undefined : headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1]);
    if (headEnd < 0 || !status) throw new Error(`Not an HTTP answer: ${JSON.stringify(rest.slice(0, 200))}`);
    const headers = Object.fromEntries(
      lines.map((line) => {
        const [name = '', value = ''] = line.split(/: ?(.*)/s);
        return [name.toLowerCase(), value];
      }),
    );
    const length = headers['transfer-encoding'] === 'chunked' ? 0 : Number(headers['content-length'] ?? 0);
    answers.push({ status, headers, body: rest.slice(headEnd + 4, headEnd + 4 + length) });
    // Only Node's own answers are chunked, and those are empty.
    rest = rest.slice(headEnd + 4 + length).replace(/^0\r\n\r\n/, '');
  }
  return answers;
}
