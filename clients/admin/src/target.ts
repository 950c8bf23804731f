import { join } from 'node:path';
import { readDemo } from '../../../scripts/dev/demo-license.ts';
import { DEFAULT_DATA_FOLDER } from '../../../scripts/dev/secrets.ts';
import type { Environment } from '../../../shared/config.ts';
import { Trouble } from './command-error.ts';

/** The server that commands work on, and what to tell an operator about it. */
export interface Target {
  /** Its origin. */
  readonly url: string;
  readonly operatorKey: string;
  readonly ifAway: string;
  readonly ifKeyIsWrong: string;
}

/**
 * The server that `SEATLEASE_URL` names, or the one that `npm start` runs here. Throws `Trouble` where there is none, or
 * none that an operator key may be sent to. Each has its own key: that of a deployed one is never sent to the local one.
 */
export function readTarget(environment: Environment): Target {
  const { SEATLEASE_URL: named, OPERATOR_KEY: operatorKey } = environment;
  if (!named) return localTarget(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  const url = originOf(named, 'SEATLEASE_URL');
  if (!operatorKey)
    throw new Trouble(
      'SEATLEASE_URL is set, OPERATOR_KEY is not: set it to the operator key of that server.',
    );
  // Node would put a key that no header can hold into the message of its error.
  if (!/^[\x21-\x7e]+$/.test(operatorKey))
    throw new Trouble(
      'OPERATOR_KEY holds a space, a line break or another character that no operator key has.',
    );
  return {
    url,
    operatorKey,
    ifAway: 'SEATLEASE_URL names it.',
    ifKeyIsWrong: 'OPERATOR_KEY is not the operator key of that server.',
  };
}

function localTarget(dataFolder: string): Target {
  const file = join(dataFolder, 'demo.json');
  const demo = readDemo(dataFolder);
  if (!demo) {
    throw new Trouble(
      `No server was started here: there is no ${file}. Start one (npm start), or set SEATLEASE_URL and OPERATOR_KEY to those of another.`,
    );
  }
  return {
    url: originOf(demo.url, `The url in ${file}`),
    operatorKey: demo.operator_key,
    ifAway: 'Start it (npm start), or set SEATLEASE_URL and OPERATOR_KEY to those of another.',
    ifKeyIsWrong: `The key in ${file} is not its operator key: another server listens there.`,
  };
}

/** Whoever reads an operator key on its way may do everything: it goes over TLS, or does not leave this machine. */
function originOf(address: string, name: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.href !== `${url.origin}/`) throw new Trouble(`${name} must be of the form https://host.`);
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)) return url.origin;
  throw new Trouble(
    `${name} must begin with https://: an operator key is not sent in the clear, except within this machine.`,
  );
}
