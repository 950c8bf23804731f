import { createClient, ErrorReply } from '@redis/client';

const CONNECT_TIMEOUT_MS = 5_000;

/** A reply of Redis. Text is UTF-8. An error is a value, because an array can contain errors. */
export type RespReply = string | number | null | ErrorReply | RespReply[];

/** The connection failed or was lost before the reply. The command may or may not have run. */
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
  /** Sends one command. An error reply is returned as `ErrorReply`. Throws `ConnectionLost` if there is no reply. */
  command(args: readonly string[]): Promise<RespReply>;

  /** Sends the commands without other callers' commands in between; returns the replies in the same order. */
  pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]>;

  /** Closes the connection. Commands in flight and all later ones throw `ConnectionLost`. */
  close(): void;
}

/**
 * One connection to a Redis server (RESP2). The first command opens it, and the first command after a loss opens it
 * again. Commands in flight when it is lost are rejected and never resent: only the caller knows whether that is safe.
 * No command is sent before AUTH and SELECT were accepted, so that none runs in the wrong database. There is no time
 * limit on replies; the caller sets its own.
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
    // By default, a command that waits five seconds in the queue is rejected.
    commandOptions: { timeout: 0 },
    socket: { host, port, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { database: db }),
  });
  // After bytes that are not RESP, the library would keep reading, and commands would wait forever.
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
