import { browserPlatform } from './browser/platform.ts';
import { Seatlease as Core } from './client.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';

export { browserPlatform } from './browser/platform.ts';
export * from './index.ts';

/** One for all, so that the page listens once for its end. */
let usual: Platform | undefined;

function usualPlatform(): Platform {
  usual ??= browserPlatform();
  return usual;
}

/**
 * Holds a seat of one license for this browser: its tabs of one origin share a seat where the license counts machines.
 * Needs a secure context (HTTPS, or localhost).
 */
export class Seatlease extends Core {
  constructor({ platform, ...options }: SeatleaseOptions & { readonly platform?: Platform | undefined }) {
    super(options, platform ?? usualPlatform());
  }
}
