import { SeatleaseError } from '../errors.ts';
import { fieldsOf } from '../parse-answers.ts';
import { isRetry, stepAfter } from '../steps.ts';
import { noAnswer, type SignInStore, type Tokens, whenAborted, withAddress } from './sign-in-store.ts';

/** What the user needs to finish a sign-in on another device. */
export interface DeviceCode {
  /** The user compares it with the page, or enters it there. */
  readonly userCode: string;
  /** The page to enter the code on. */
  readonly address: string;
  /** The page with the code filled in, for a link or a QR code. */
  readonly addressWithCode: string;
  /** Seconds until the code expires. */
  readonly expiresIn: number;
}

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8628 section 3.2: if the server names no interval. */
const DEFAULT_INTERVAL_SECONDS = 5;
/** RFC 8628 section 3.5. */
const SLOW_DOWN_SECONDS = 5;
/** While the server does not answer. */
const LONGEST_INTERVAL_SECONDS = 60;

export function printCode({ userCode, address }: DeviceCode): void {
  process.stderr.write(`Open ${address} in a browser on any device, and enter the code ${userCode}\n`);
}

/**
 * Signs in without a browser on this machine (RFC 8628): shows the user a code, and asks until the user has decided. Throws
 * SIGN_IN_REFUSED if they deny it, or do not decide in time.
 */
export async function signInWithDevice(
  store: SignInStore,
  showCode: (code: DeviceCode) => unknown,
  signal: AbortSignal | undefined,
): Promise<Tokens> {
  const { deviceCode, intervalSeconds, code } = readCodes(await store.send('deviceStart', {}, false)) ?? {};
  if (!code || deviceCode === undefined)
    throw noAnswer(`The answer of ${store.url} contains no code for a device.`);
  await showCode(code);
  let seconds = intervalSeconds ?? DEFAULT_INTERVAL_SECONDS;
  for (;;) {
    await Promise.race([wait(seconds, store), whenAborted(signal)]);
    try {
      return await store.tokens({ grant_type: GRANT, device_code: deviceCode }, false);
    } catch (error) {
      if (!(error instanceof SeatleaseError)) throw error;
      if (error.code === 'SLOW_DOWN') seconds += SLOW_DOWN_SECONDS;
      else if (isRetry(stepAfter(error, false))) seconds = Math.min(2 * seconds, LONGEST_INTERVAL_SECONDS);
      else if (error.code !== 'AUTHORIZATION_PENDING')
        throw withAddress(refusalOf(error), code.addressWithCode);
    }
  }
}

/** Also the code of a sign-in with the browser that the user declines. */
function refusalOf(error: SeatleaseError): SeatleaseError {
  return error.code === 'SIGN_IN_DENIED' || error.code === 'DEVICE_CODE_EXPIRED'
    ? new SeatleaseError('SIGN_IN_REFUSED', `Not signed in: ${error.message}`)
    : error;
}

function wait(seconds: number, { clock }: SignInStore): Promise<void> {
  return new Promise((resolve) => void clock.after(seconds * 1000, resolve, true));
}

function readCodes(body: string) {
  const fields = fieldsOf(body);
  const { device_code: deviceCode, user_code: userCode, verification_uri: address } = fields;
  const { verification_uri_complete: complete, expires_in: expiresIn, interval } = fields;
  if (typeof deviceCode !== 'string' || typeof userCode !== 'string' || typeof address !== 'string')
    return undefined;
  const code: DeviceCode = {
    userCode,
    address,
    addressWithCode: typeof complete === 'string' ? complete : address,
    expiresIn: Number(expiresIn),
  };
  return { deviceCode, intervalSeconds: typeof interval === 'number' ? interval : undefined, code };
}
