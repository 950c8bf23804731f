import { Seatlease as Core } from './client.ts';
import { nodePlatform } from './node/platform.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';

export * from './index.ts';
export { type NodePlatformOptions, nodePlatform } from './node/platform.ts';
export { type Membership, type SignIn, type SignInOptions, signIn, storedSignIn } from './node/sign-in.ts';

/** Shared, so that the program has one set of exit listeners and shares connections. */
let usual: Platform | undefined;

function usualPlatform(): Platform {
  usual ??= nodePlatform();
  return usual;
}

/** Holds a seat of one license for this program: a Node program, or the main process of an Electron app. */
export class Seatlease extends Core {
  constructor({ platform, ...options }: SeatleaseOptions & { readonly platform?: Platform | undefined }) {
    super(options, platform ?? usualPlatform());
  }
}
