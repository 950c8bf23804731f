import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Platform } from '../platform.ts';
import { nodeClock } from './clock.ts';
import { exitHook } from './exit.ts';
import { machineFingerprint } from './fingerprint.ts';
import { sharedFolder, stateFolder } from './folders.ts';
import { fileHolders } from './holders.ts';
import { fileStorage } from './storage.ts';
import { type Agents, nodeTransport } from './transport.ts';

export interface NodePlatformOptions {
  /** Where signed licenses and sign-ins are kept; the user's own state folder unless said otherwise. */
  readonly stateFolder?: string | undefined;
  /** Where programs of this machine that share a seat find each other; all of them must name the same. */
  readonly sharedFolder?: string | undefined;
  /** For proxies and certificates of your own. */
  readonly agents?: Agents | undefined;
  /**
   * Whether, after `process.exit` and crashes, a process of its own gives the seat back: `process.execPath` with `-e`.
   * True only where that is plainly Node. Elsewhere, say so if your executable runs such text with ELECTRON_RUN_AS_NODE.
   */
  readonly sendAfterExit?: boolean | undefined;
}

const processId = `${process.pid}.${randomUUID()}`;

export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  const transport = nodeTransport(options.agents);
  const storage = fileStorage(options.stateFolder ?? stateFolder());
  const holders = fileHolders(options.sharedFolder ?? sharedFolder());
  let fingerprint: Promise<string> | undefined;
  return {
    transport,
    clock: nodeClock,
    storage,
    holders,
    fingerprint: () => (fingerprint ??= machineFingerprint(storage)),
    hostname: () => hostname() || undefined,
    processId,
    atExit: exitHook({
      letGo: transport.letGo,
      takeMarks: holders.takeMarks,
      afterwards: options.sendAfterExit,
    }),
    // Seen, and at the host's disposal, without ending the program as an exception that nobody catches would.
    report: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
  };
}
