import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { type PubSubProject, pubSubProject } from './servers/pubsub-emulator.ts';
import type { EmulatorKind } from './share-emulators.ts';

export interface FirestoreProject {
  /** `host:port`. */
  readonly host: string;
  readonly projectId: string;
}

/** An empty project on the Firestore emulator that all test files of a run share. */
export async function newFirestoreProject(): Promise<FirestoreProject> {
  return { host: await hostOf('firestore'), projectId: newProjectId() };
}

/** A project without topics on the Pub/Sub emulator that all test files of a run share. */
export async function newPubSubProject(): Promise<PubSubProject> {
  return pubSubProject(await hostOf('pubsub'), newProjectId());
}

export function newProjectId(): string {
  return `demo-${randomUUID().slice(0, 8)}`;
}

async function hostOf(kind: EmulatorKind): Promise<string> {
  const response = await fetch(`${inject('emulators')}/${kind}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
