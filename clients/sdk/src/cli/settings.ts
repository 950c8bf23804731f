import { SeatleaseError } from '../errors.ts';
import { NativeSeatlease as Seatlease } from '../native.ts';
import { namingVariable, optionsOf, publicKeysOf, VARIABLES, waitOf } from '../node/environment.ts';
import { nodePlatform } from '../node/platform.ts';
import { type SignIn, type SignInOptions, storedSignIn } from '../node/sign-in.ts';
import { type AcquireOptions, checkUrl, type SeatleaseOptions } from '../options.ts';
import type { Platform } from '../platform.ts';
import type { SeatOptions } from './options.ts';

const LICENSE_VARIABLE = 'SEATLEASE_LICENSE_ID';

/** How options of the SDK are called on the command line. */
const NAMES: Readonly<Record<string, string>> = {
  url: '--url',
  licenseId: '--license',
  userId: '--user',
  processId: '--process-id',
  fingerprint: '--fingerprint',
  publicKeys: '--public-keys',
  borrowDays: '--days',
  wait: '--wait',
};

/** What a command works with: its options, and the environment for what they leave open. */
export class Settings {
  readonly platform: Platform;
  readonly url: string;
  readonly #given: SeatOptions;
  /** The environment, overridden by the options. */
  readonly #env: NodeJS.ProcessEnv;
  readonly #defaults: SeatleaseOptions;

  /** Throws OPTION_INVALID, which names the option or variable. */
  constructor(given: SeatOptions, env: NodeJS.ProcessEnv, platform: Platform | undefined) {
    this.#given = given;
    const overridden = {
      [VARIABLES.url]: given.url,
      [VARIABLES.fingerprint]: given.fingerprint,
      [VARIABLES.publicKeys]: given.publicKeys,
      [VARIABLES.wait]: given.wait,
      [LICENSE_VARIABLE]: given.licenseId,
    };
    this.#env = { ...env, ...Object.fromEntries(Object.entries(overridden).filter(([, value]) => value)) };
    // The guard process sends what this process cannot send any more.
    this.platform = platform ?? nodePlatform({ stateFolder: this.#stateFolder, sendAfterExit: false });
    this.#defaults = this.#naming(() => optionsOf(this.#env));
    this.url = this.#naming(() => checkUrl(this.#defaults.url)).base;
  }

  get origin(): string {
    return new URL(this.url).origin;
  }

  /** How long to wait for a seat. Throws OPTION_INVALID. */
  get wait(): AcquireOptions['wait'] {
    return this.#naming(() => waitOf(this.#env));
  }

  /** Who asks for seats, in words. */
  get credentials(): string {
    const { licenseId } = this;
    if (!this.#usesSignIn) return 'license key';
    return licenseId === undefined ? 'none' : `sign-in, for license ${licenseId}`;
  }

  get licenseId(): string | undefined {
    return this.#env[LICENSE_VARIABLE] || undefined;
  }

  get signInOptions(): SignInOptions {
    const { url, platform } = this;
    return { url, platform, stateFolder: this.#stateFolder, clientId: 'seatlease-cli' };
  }

  /** The stored sign-in. */
  signIn(): Promise<SignIn | undefined> {
    return storedSignIn(this.signInOptions);
  }

  async fingerprint(): Promise<string> {
    return this.#defaults.fingerprint ?? (await this.platform.fingerprint());
  }

  /**
   * Throws `SeatleaseError` if an option is wrong, or no user has signed in. `platform` may wrap the usual one.
   * `withKeys`: whether the public keys are needed.
   */
  async open({ platform = this.platform, withKeys = true } = {}): Promise<Seatlease> {
    const { licenseKey, ...defaults } = this.#defaults;
    const who = this.#usesSignIn ? await this.#signedIn() : { licenseKey };
    const { userId, processId } = this.#given;
    return this.#naming(() => {
      const publicKeys = withKeys ? publicKeysOf(this.#env) : undefined;
      return new Seatlease({ ...defaults, ...who, userId, processId, publicKeys }, platform);
    });
  }

  async #signedIn(): Promise<SeatleaseOptions> {
    const { licenseId, origin } = this;
    if (licenseId === undefined) {
      const message = `Set ${VARIABLES.licenseKey}, or ${LICENSE_VARIABLE} for a user who has signed in.`;
      throw new SeatleaseError('OPTION_INVALID', message, { members: { option: 'licenseKey' } });
    }
    const signIn = await this.signIn();
    if (signIn) return { signIn, licenseId };
    throw new SeatleaseError('SIGN_IN_REFUSED', `Not signed in to ${origin}: run "seatlease login".`);
  }

  /** A license that is named on the command line wins over a key in the environment. */
  get #usesSignIn(): boolean {
    return this.#given.licenseId !== undefined || this.#defaults.licenseKey === undefined;
  }

  get #stateFolder(): string | undefined {
    return this.#env.SEATLEASE_STATE_FOLDER || undefined;
  }

  #naming<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Errors name options as the user has given them: on the command line, or as a variable. */
  named(error: unknown): unknown {
    if (!(error instanceof SeatleaseError) || error.code !== 'OPTION_INVALID') return error;
    const variables: Readonly<Record<string, string>> = VARIABLES;
    const { option } = error.members;
    const known = Object.keys(NAMES).find((each) => option === each || option === variables[each]);
    if (known === undefined) return error;
    const variable = variables[known];
    const isGiven = Reflect.get(this.#given, known) !== undefined;
    const name = (!isGiven && variable && this.#env[variable] ? variable : NAMES[known]) ?? known;
    const { message } = namingVariable(error, {}, this.#env) as SeatleaseError;
    const named = message.replace(/^\S+/, name);
    // So that it is not named again.
    return new SeatleaseError('OPTION_INVALID', named, { members: { option: name } });
  }
}
