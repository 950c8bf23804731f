import { once } from 'node:events';
import { createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { startFirestoreEmulator } from './servers/firestore-emulator.ts';
import { startPubSubEmulator } from './servers/pubsub-emulator.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL that answers `GET /<kind>` with the `host:port` of the run's emulator of that kind. */
    emulators: string;
  }
}

const STARTERS = { firestore: startFirestoreEmulator, pubsub: startPubSubEmulator } as const;

export type EmulatorKind = keyof typeof STARTERS;

interface Emulator {
  readonly host: string;
  stop(): Promise<void>;
}

/**
 * Provides one emulator of each kind for all test files of a run, because a JVM takes seconds of CPU to start and warm
 * up. An emulator starts when the first test file asks for it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Emulator>>();
  const emulatorOf = (kind: string): Promise<Emulator> => {
    const emulator = started.get(kind) ?? STARTERS[kind as EmulatorKind]();
    started.set(kind, emulator);
    return emulator;
  };

  const server = createServer((request, response) => {
    emulatorOf(request.url?.slice(1) ?? '').then(
      ({ host }) => response.end(host),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The server has no port.');
  project.provide('emulators', `http://127.0.0.1:${address.port}`);

  return async () => {
    server.close();
    server.closeAllConnections();
    for (const emulator of await Promise.allSettled(started.values())) {
      if (emulator.status === 'fulfilled') await emulator.value.stop();
    }
  };
}
