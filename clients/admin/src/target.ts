import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { CommandError } from '../../command-line/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The server that commands work on, and what to print about it. */
export interface Target {
  /** Its origin. */
  readonly url: string;
  readonly operatorKey: string;
  readonly hintIfUnreachable: string;
  readonly hintIfKeyRefused: string;
}

/** Where `npm start` keeps its files unless told otherwise. */
const DEFAULT_DATA_FOLDER = '.seatlease';
/** What `npm start` writes into its data folder for clients on the same machine, as far as this program needs it. */
const LocalServer = z.object({ url: z.string(), operator_key: z.string() });

/**
 * The server that `SEATLEASE_URL` names, or the one that `npm start` runs here. Throws `CommandError` where there is
 * none, or none that an operator key may be sent to. Each has its own key: that of a deployed one is never sent to the
 * local one.
 */
export function readTarget(environment: Environment): Target {
  const { SEATLEASE_URL: named, OPERATOR_KEY: operatorKey } = environment;
  if (!named) return localTarget(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  const url = originOf(named, 'SEATLEASE_URL');
  if (!operatorKey)
    throw new CommandError(
      'SEATLEASE_URL is set, OPERATOR_KEY is not: set it to the operator key of that server.',
    );
  // Node would put a key that no header can hold into the message of its error.
  if (!/^[\x21-\x7e]+$/.test(operatorKey))
    throw new CommandError(
      'OPERATOR_KEY holds a space, a line break or another character that no operator key has.',
    );
  return {
    url,
    operatorKey,
    hintIfUnreachable: 'SEATLEASE_URL names it.',
    hintIfKeyRefused: 'OPERATOR_KEY is not the operator key of that server.',
  };
}

function localTarget(dataFolder: string): Target {
  const file = join(dataFolder, 'demo.json');
  const server = readLocalServer(file);
  if (!server) {
    throw new CommandError(
      `No server was started here: there is no ${file}. Start one (npm start), or set SEATLEASE_URL and OPERATOR_KEY to those of another.`,
    );
  }
  return {
    url: originOf(server.url, `The url in ${file}`),
    operatorKey: server.operator_key,
    hintIfUnreachable: 'Start it with npm start, or set SEATLEASE_URL and OPERATOR_KEY for another server.',
    hintIfKeyRefused: `The key in ${file} is not its operator key: another server listens there.`,
  };
}

function readLocalServer(file: string): z.infer<typeof LocalServer> | undefined {
  try {
    return z.parse(LocalServer, JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Whoever reads an operator key on its way may do everything: it goes over TLS, or does not leave this machine. */
function originOf(address: string, name: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.href !== `${url.origin}/`)
    throw new CommandError(`${name} must be of the form https://host.`);
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) return url.origin;
  throw new CommandError(
    `${name} must begin with https://: an operator key is not sent in the clear, except within this machine.`,
  );
}
