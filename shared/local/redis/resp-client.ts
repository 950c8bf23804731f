import { createClient, ErrorReply } from '@redis/client';

const CONNECT_TIMEOUT_MS = 5_000;

/** What Redis answers. Text is UTF-8; an error is a value, since it may stand inside an array. */
export type RespReply = string | number | null | ErrorReply | RespReply[];

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
  /** Sends one command. An error reply resolves, as `ErrorReply`; throws `ConnectionLost` where none came. */
  command(args: readonly string[]): Promise<RespReply>;

  /** Sends the commands in a row, with no command of another caller between them; replies in their order. */
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
  let isClosed = false;

  async function pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    if (isClosed) throw new ConnectionLost('The client is closed.');
    if (!connection?.client.isOpen) connection = connect(options);
    const { client, ready } = connection;
    try {
      await ready;
      return await Promise.all(commands.map((args) => replyTo(client, args)));
    } catch (error) {
      throw new ConnectionLost(error instanceof Error ? error.message : 'no connection', { cause: error });
    }
  }

  return {
    pipeline,
    async command(args) {
      const [reply] = await pipeline([args]);
      if (reply === undefined) throw new TypeError('A pipeline of one command has one reply.');
      return reply;
    },
    close() {
      isClosed = true;
      if (connection?.client.isOpen) connection.client.destroy();
    },
  };
}

type Connection = ReturnType<typeof connect>;

function connect({ host, port, username, password, db }: RespOptions) {
  const client = createClient({
    RESP: 2,
    disableClientInfo: true,
    socket: { host, port, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { database: db }),
  });
  // Bytes that are no RESP are an error too, after which it would read on, with commands that wait for ever.
  client.on('error', () => client.isOpen && client.destroy());
  const ready = client.connect();
  ready.catch(() => {});
  return { client, ready };
}

async function replyTo(client: Connection['client'], args: readonly string[]): Promise<RespReply> {
  try {
    return await client.sendCommand<RespReply>(args);
  } catch (error) {
    if (error instanceof ErrorReply) return error;
    throw error;
  }
}
