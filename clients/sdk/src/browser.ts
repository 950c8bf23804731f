import { browserPlatform } from './browser/platform.ts';
import { Seatlease as Core } from './client.ts';
import type { SeatleaseOptions } from './options.ts';
import type { Platform } from './platform.ts';

export * from './index.ts';

/** Shared, so that the page has one `pagehide` listener. */
let usual: Platform | undefined;

function usualPlatform(): Platform {
  usual ??= browserPlatform();
  return usual;
}

/**
 * Holds a seat of one license for this browser. Tabs of one origin share a seat if the license counts machines.
 * Requires a secure context (HTTPS, or localhost).
 */
export class Seatlease extends Core {
  constructor(options: SeatleaseOptions & { readonly platform?: Platform | undefined } = {}) {
    const { platform, ...given } = options;
    super(given, platform ?? usualPlatform());
  }
}
