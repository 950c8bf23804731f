import net, { type Socket } from 'node:net';

const CONNECT_TIMEOUT_MS = 5_000;
/** Redis' own bound on one string; a larger length means that the stream is not RESP. */
const MAX_BULK_BYTES = 512 * 1024 * 1024;

/** What Redis answers. Text is UTF-8; an error is a value, since it may stand inside an array. */
export type RespReply = string | number | null | RespError | RespReply[];

/** An error reply: `message` is its text, code first (`NOSCRIPT No matching script. …`). */
export class RespError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** No connection, or one that was lost before the answer: the command may have run or not. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

export interface RespOptions {
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number | undefined;
}

export interface RespClient {
  /** Sends one command. An error reply resolves, as `RespError`; throws `ConnectionLost` where none came. */
  command(args: readonly string[]): Promise<RespReply>;

  /** Sends the commands in one write, with no command of another caller between them; replies in their order. */
  pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]>;

  /** Drops the connection. Commands in flight and all later ones throw `ConnectionLost`. */
  close(): void;
}

/**
 * One connection to a Redis server (RESP2), opened by the first command and opened again by the first command
 * after it was lost. Commands in flight when it is lost are rejected and never sent again: only the caller knows
 * whether that is safe. Nothing is sent before AUTH and SELECT have been accepted, lest it run in the wrong
 * database. No time limit on an answer once connected; the caller sets its own.
 */
export function respClient(options: RespOptions): RespClient {
  let connection: Connection | undefined;
  let closed = false;

  function pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    if (closed) return Promise.reject(new ConnectionLost('The client is closed.'));
    if (!connection?.alive) connection = new Connection(options);
    return connection.send(commands);
  }

  return {
    pipeline,
    async command(args) {
      const [reply] = await pipeline([args]);
      if (reply === undefined) throw new TypeError('A pipeline of one command has one reply.');
      return reply;
    },
    close() {
      closed = true;
      connection?.lose('The client is closed.');
    },
  };
}

interface Waiting {
  resolve(reply: RespReply): void;
  reject(error: ConnectionLost): void;
}

class Connection {
  alive = true;
  readonly #socket: Socket;
  readonly #parser = new RespParser();
  readonly #inFlight: Waiting[] = [];
  readonly #ready: Promise<void>;

  constructor({ host, port, username, password, db }: RespOptions) {
    this.#socket = net.connect({ host, port, noDelay: true });
    this.#socket.setTimeout(CONNECT_TIMEOUT_MS, () => this.lose('No connection in time.'));
    this.#socket.on('connect', () => this.#socket.setTimeout(0));
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.lose('The connection failed.', error));
    this.#socket.on('close', () => this.lose('The server closed the connection.'));
    this.#ready = this.#introduce(introduction(username, password, db));
    this.#ready.catch(() => {});
  }

  async send(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    await this.#ready;
    return this.#exchange(commands);
  }

  lose(because: string, cause?: unknown): void {
    if (!this.alive) return;
    this.alive = false;
    this.#socket.destroy();
    const error = new ConnectionLost(because, { cause });
    for (const waiting of this.#inFlight.splice(0)) waiting.reject(error);
  }

  async #introduce(commands: readonly (readonly string[])[]): Promise<void> {
    for (const reply of await this.#exchange(commands)) {
      if (!(reply instanceof RespError)) continue;
      this.lose('The server refused AUTH or SELECT.');
      throw new ConnectionLost(`The server refused AUTH or SELECT: ${reply.message}`);
    }
  }

  #exchange(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    if (!this.alive) return Promise.reject(new ConnectionLost('The connection was lost.'));
    if (commands.length > 0) this.#socket.write(commands.map(encode).join(''));
    return Promise.all(commands.map(() => this.#nextReply()));
  }

  #nextReply(): Promise<RespReply> {
    return new Promise((resolve, reject) => this.#inFlight.push({ resolve, reject }));
  }

  #receive(chunk: Buffer): void {
    try {
      for (const reply of this.#parser.push(chunk)) {
        const waiting = this.#inFlight.shift();
        if (!waiting) throw new SyntaxError('A reply came that nobody asked for.');
        waiting.resolve(reply);
      }
    } catch (error) {
      this.lose('The server does not speak RESP2.', error);
    }
  }
}

function introduction(username?: string, password?: string, db?: number): string[][] {
  const commands: string[][] = [];
  if (password !== undefined) {
    commands.push(username === undefined ? ['AUTH', password] : ['AUTH', username, password]);
  }
  if (db) commands.push(['SELECT', String(db)]);
  return commands;
}

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}

/**
 * RESP2 replies out of bytes that arrive in pieces of any size. Lengths count bytes, so a string may hold line
 * ends and characters of several bytes. Throws `SyntaxError` where the bytes are not RESP2; the stream is then of
 * no further use.
 */
export class RespParser {
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  /** Below this many unread bytes there is nothing to try: a long string is joined once, not once per piece. */
  #neededBytes = 1;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  readonly #openArrays: { readonly items: RespReply[]; readonly length: number }[] = [];

  /** The replies that are complete with this piece, in order. */
  push(piece: Buffer): RespReply[] {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes < this.#neededBytes) return [];

    this.#bytes = Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#at = 0;
    this.#neededBytes = 1;
    const replies: RespReply[] = [];
    while (this.#at < this.#bytes.length && this.#readElement(replies));
    this.#pieces = [this.#bytes.subarray(this.#at)];
    this.#pieceBytes = this.#bytes.length - this.#at;
    return replies;
  }

  /** Reads one element, or nothing and gives `false` where its end has not arrived. */
  #readElement(replies: RespReply[]): boolean {
    const lineEnd = this.#bytes.indexOf('\r\n', this.#at, 'latin1');
    if (lineEnd < 0) {
      this.#neededBytes = this.#bytes.length - this.#at + 1;
      return false;
    }
    const type = String.fromCharCode(this.#bytes[this.#at] ?? 0);
    const line = this.#bytes.toString('utf8', this.#at + 1, lineEnd);
    if (type === '$') return this.#readBulk(integer(line), lineEnd + 2, replies);

    this.#at = lineEnd + 2;
    if (type === '*') this.#openArray(integer(line), replies);
    else this.#complete(simple(type, line), replies);
    return true;
  }

  #readBulk(length: number, start: number, replies: RespReply[]): boolean {
    if (length > MAX_BULK_BYTES) throw new SyntaxError('RESP: a string is longer than 512 MiB.');
    if (length < 0) {
      this.#at = start;
      this.#complete(null, replies);
      return true;
    }
    const end = start + length + 2;
    if (this.#bytes.length < end) {
      this.#neededBytes = end - this.#at;
      return false;
    }
    if (this.#bytes.toString('latin1', end - 2, end) !== '\r\n') {
      throw new SyntaxError('RESP: a string does not end where its length says.');
    }
    this.#at = end;
    this.#complete(this.#bytes.toString('utf8', start, end - 2), replies);
    return true;
  }

  #openArray(length: number, replies: RespReply[]): void {
    if (length < 0) this.#complete(null, replies);
    else if (length === 0) this.#complete([], replies);
    else this.#openArrays.push({ items: [], length });
  }

  /** Puts a finished value where it belongs; it may be the last of its array, and that the last of its own. */
  #complete(value: RespReply, replies: RespReply[]): void {
    let finished = value;
    for (let array = this.#openArrays.at(-1); array; array = this.#openArrays.at(-1)) {
      array.items.push(finished);
      if (array.items.length < array.length) return;
      finished = array.items;
      this.#openArrays.pop();
    }
    replies.push(finished);
  }
}

function simple(type: string, line: string): RespReply {
  if (type === '+') return line;
  if (type === ':') return integer(line);
  if (type === '-') return new RespError(line);
  throw new SyntaxError('RESP: unknown type of reply.');
}

function integer(line: string): number {
  if (!/^[+-]?\d+$/.test(line)) throw new SyntaxError('RESP: a number is not one.');
  return Number(line);
}
