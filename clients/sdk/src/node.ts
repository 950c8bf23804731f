import { type BorrowOptions, NativeSeatlease } from './native.ts';
import { namingVariable, optionsOf, publicKeysOf, waitOf } from './node/environment.ts';
import { nodePlatform } from './node/platform.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';
import type { Seat } from './seat.ts';

export * from './index.ts';
export type { BorrowOptions as AcquireOptions } from './native.ts';

/** Shared, so that the program has one set of exit listeners and shares connections. */
let usual: Platform | undefined;

function usualPlatform(): Platform {
  usual ??= nodePlatform();
  return usual;
}

/**
 * Holds a seat of one license for this program: a Node program, or the main process of an Electron app. The environment
 * (SEATLEASE_URL, …) has the defaults of options.
 */
export class Seatlease extends NativeSeatlease {
  constructor(options: SeatleaseOptions & { readonly platform?: Platform | undefined } = {}) {
    const { platform, ...given } = options;
    try {
      super(withDefaults(given), platform ?? usualPlatform());
    } catch (error) {
      throw namingVariable(error, given, process.env);
    }
  }

  override async acquire(options: BorrowOptions = {}): Promise<Seat> {
    const wait = options?.wait === undefined ? waitOf(process.env) : undefined;
    return super.acquire(wait === undefined ? options : { ...options, wait });
  }
}

/** Options that are `undefined` count as not given. */
function withDefaults(given: SeatleaseOptions): SeatleaseOptions {
  const { licenseKey, ...defaults } = optionsOf(process.env);
  // Who chooses the keys decides who may run offline: the user does only where the user also chooses the server.
  const areChosen = given.url !== undefined || given.publicKeys !== undefined;
  const publicKeys = areChosen ? undefined : publicKeysOf(process.env);
  return {
    ...defaults,
    ...(given.signIn === undefined && licenseKey !== undefined && { licenseKey }),
    ...(publicKeys !== undefined && { publicKeys }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}
