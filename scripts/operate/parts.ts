import { CommandError } from '../../clients/command-line/errors.ts';
import { openPubSubMessages } from '../../shared/adapters/events/pubsub-messages.ts';
import type { Config, Environment } from '../../shared/config.ts';
import { openRecords, openSigningKeys } from '../../shared/local/wiring.ts';
import type { Messages } from '../../shared/ports/messages.ts';
import type { Records } from '../../shared/ports/records.ts';
import type { SigningKeys } from '../../shared/ports/signing-keys.ts';
import { readLocalConfig } from '../dev/secrets.ts';

/** The dependencies that commands use. Each is opened when a command needs it, and closed after it. */
export interface OperateParts {
  withRecords<R>(work: (records: Records) => Promise<R>): Promise<R>;
  withKeys<R>(work: (keys: SigningKeys) => Promise<R>): Promise<R>;
  /** `topic` is that of the events. */
  withMessages<R>(work: (messages: Messages, topic: string) => Promise<R>): Promise<R>;
  nowMs(): number;
}

/** The dependencies that `environment` names: those of a deployed suite, or of `npm start`. */
export function partsOf(environment: Environment): OperateParts {
  const using =
    <P extends { close(): Promise<void> }>(open: (config: Config) => Promise<P>) =>
    async <R>(work: (part: P) => Promise<R>): Promise<R> => {
      const part = await open(readLocalConfig(environment));
      try {
        return await work(part);
      } finally {
        await part.close();
      }
    };
  return {
    withRecords: using(openRecords),
    withKeys: using(openSigningKeys),
    async withMessages(work) {
      const { events } = readLocalConfig(environment);
      if (events.kind !== 'pubsub')
        throw new CommandError(
          'Set GOOGLE_CLOUD_PROJECT and EVENTS_TOPIC: npm start has no Pub/Sub, and keeps its events in memory.',
        );
      const messages = openPubSubMessages(events);
      try {
        return await work(messages, events.topic);
      } finally {
        await messages.close();
      }
    },
    nowMs: () => Date.now(),
  };
}
