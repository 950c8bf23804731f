import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Platform } from '../platform.ts';
import { nodeClock } from './clock.ts';
import { exitHook } from './exit.ts';
import { machineFingerprint } from './fingerprint.ts';
import { stateFolder } from './folders.ts';
import { fileStorage } from './storage.ts';
import { type Agents, nodeTransport } from './transport.ts';
import { understudies } from './understudy.ts';

export interface NodePlatformOptions {
  /** Folder for signed licenses and sign-ins. Default: the user's state folder. */
  readonly stateFolder?: string | undefined;
  /** Agents for your own proxies and certificates. */
  readonly agents?: Agents | undefined;
  /**
   * Whether a separate process, `process.execPath -e`, releases the seat after `process.exit` and crashes. Default: true only
   * if the executable is plain Node. Set it if your executable runs code with ELECTRON_RUN_AS_NODE=1.
   */
  readonly sendAfterExit?: boolean | undefined;
}

const processId = `${process.pid}.${randomUUID()}`;

export function nodePlatform(options: NodePlatformOptions = {}): Platform {
  const transport = nodeTransport(options.agents);
  const storage = fileStorage(options.stateFolder ?? stateFolder());
  let fingerprint: Promise<string> | undefined;
  return {
    transport,
    clock: nodeClock,
    storage,
    fingerprint: () =>
      (fingerprint ??= machineFingerprint(storage).catch((error: unknown) => {
        fingerprint = undefined;
        throw error;
      })),
    hostname: () => hostname() || undefined,
    processId,
    atExit: exitHook({
      stopWaiting: transport.stopWaiting,
      afterwards: options.sendAfterExit,
    }),
    // A warning is printed and can be handled by the host program; an uncaught exception would end it.
    // Agents cannot be passed to another thread, and without them it may not reach the server.
    ...(options.agents ? {} : { understudy: understudies(transport.addressOf) }),
    report: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
  };
}
