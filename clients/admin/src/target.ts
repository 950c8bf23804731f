import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { isSafeUrl } from '../../../shared/domain/loopback.ts';
import { CommandError } from '../../command-line/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The server that commands call, with hints for its errors. */
export interface Target {
  /** Its origin. */
  readonly url: string;
  /** An operator token, or the operator key. */
  readonly operatorKey: string;
  readonly hintIfUnreachable: string;
  readonly hintIfKeyRefused: string;
}

/** Default data folder of `npm start`. */
const DEFAULT_DATA_FOLDER = '.seatlease';
/** The fields that this program needs of the file that `npm start` writes for local clients. */
const LocalServer = z.object({ url: z.string(), operator_key: z.string() });

/**
 * The server in `SEATLEASE_URL`, or the one that `npm start` runs here. Throws `CommandError` if there is none, or if an
 * operator key must not be sent to it. Each server has its own key: the key of a deployed one is never sent to the local
 * one.
 */
export function readTarget(environment: Environment): Target {
  const { SEATLEASE_URL: named, OPERATOR_KEY: operatorKey } = environment;
  if (!named) return localTarget(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  const url = originOf(named, 'SEATLEASE_URL');
  if (!operatorKey)
    throw new CommandError(
      'SEATLEASE_URL is set, but OPERATOR_KEY is not: set it to an operator token, or the operator key, of that server.',
    );
  // A key that is not valid in a header would appear in the message of Node's error.
  if (!/^[\x21-\x7e]+$/.test(operatorKey))
    throw new CommandError(
      'OPERATOR_KEY contains a space, a line break or another character that is not allowed in an operator key.',
    );
  return {
    url,
    operatorKey,
    hintIfUnreachable: 'The address is from SEATLEASE_URL.',
    hintIfKeyRefused:
      'OPERATOR_KEY is no valid operator token of that server, and not its operator key, which may be switched off.',
  };
}

function localTarget(dataFolder: string): Target {
  const file = join(dataFolder, 'demo.json');
  const server = readLocalServer(file);
  if (!server) {
    throw new CommandError(
      `No local server runs here: ${file} is missing. Start one with npm start, or set SEATLEASE_URL and OPERATOR_KEY for another server.`,
    );
  }
  return {
    url: originOf(server.url, `The url in ${file}`),
    operatorKey: server.operator_key,
    hintIfUnreachable: 'Start it with npm start, or set SEATLEASE_URL and OPERATOR_KEY for another server.',
    hintIfKeyRefused: `The key in ${file} is not its operator key: another server runs at that address.`,
  };
}

function readLocalServer(file: string): z.infer<typeof LocalServer> | undefined {
  try {
    return z.parse(LocalServer, JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** An operator key allows everything: it is sent over TLS only, except within this machine. */
function originOf(address: string, name: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.href !== `${url.origin}/`)
    throw new CommandError(`${name} must be of the form https://host.`);
  if (isSafeUrl(address)) return url.origin;
  throw new CommandError(
    `${name} must begin with https://: an operator key is sent unencrypted only within this machine.`,
  );
}
