import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { openSync } from 'node:fs';
import { hostname } from 'node:os';
import type { PublicKeys } from '../../sdk/src/node.ts';
import type { HoldRequest } from './hold.ts';
import { Mailbox } from './mailbox.ts';
import { command, input, print, saveState, setOutput, setVariable } from './runner.ts';

/** Names the folder to the process that holds the seat. */
export const HOLD = 'SEATLEASE_ACTION_HOLD';
export const REQUEST = 'SEATLEASE_ACTION_REQUEST';
export const LICENSE_KEY = 'SEATLEASE_ACTION_LICENSE_KEY';

/**
 * A runner sends SIGINT to a step that is canceled, SIGTERM after 7.5 s, and kills it after 2.5 more
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation).
 */
const CANCEL_WITHIN_MS = 6_000;

/** The main step: starts a process that holds the seat, and waits until it has one. */
export async function take(script: string): Promise<void> {
  const licenseKey = input('license-key');
  for (const line of licenseKey.split('\n')) if (line) command('add-mask', line);
  const request = readRequest();
  if (!licenseKey) throw new Error('The input license-key is empty. Set it from a secret.');
  const mailbox = Mailbox.create();
  // First of all: the post step runs even if this step is canceled, or fails.
  saveState('folder', mailbox.folder);
  // The runner waits for the end of a step's output: the process must not keep it open.
  const log = openSync(mailbox.logFile, 'a');
  const child = spawn(process.execPath, [script], {
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      [HOLD]: mailbox.folder,
      [REQUEST]: JSON.stringify(request),
      [LICENSE_KEY]: licenseKey,
    },
  });
  child.unref();
  let hasEnded = false;
  child.on('exit', () => {
    hasEnded = true;
  });
  let isCanceled = false;
  const cancel = (): void => {
    isCanceled = true;
    mailbox.askForRelease();
    setTimeout(() => process.exit(1), CANCEL_WITHIN_MS).unref();
  };
  process.on('SIGINT', cancel).on('SIGTERM', cancel);
  if (typeof request.wait !== 'object' || request.wait.atMostSeconds > 0) print('Waiting for a seat.');
  const report = await mailbox.until(
    ({ phase }) => phase === 'denied' || phase === 'ended' || (phase === 'held' && !isCanceled),
    () => !hasEnded,
    Number.POSITIVE_INFINITY,
  );
  if (isCanceled) throw new Error('The step was canceled.');
  if (report?.phase === 'denied') throw new Error(`No seat: ${report.message}`);
  if (report?.phase !== 'held') throw new Error(`The seat cannot be held. ${mailbox.log()}`);
  print(`Got a seat: session ${report.sessionId}.`);
  setOutput('session-id', report.sessionId ?? '');
  // A program of a later step that takes a seat itself shares this one.
  setVariable('SEATLEASE_FINGERPRINT', request.options.fingerprint ?? '');
}

function readRequest(): HoldRequest {
  const url = input('url');
  if (!url) throw new Error('The input url is empty.');
  return {
    options: {
      url,
      fingerprint: input('fingerprint') || jobFingerprint(),
      userId: input('user-id') || undefined,
      publicKeys: readKeys(input('public-keys')),
      hostname: `${process.env.RUNNER_NAME || hostname()}`,
      appVersion: process.env.GITHUB_WORKFLOW_REF?.slice(0, 64),
    },
    wait: readWait(input('wait')),
    // In a job container the parent is outside, and its id 0.
    runnerPid: process.ppid > 1 ? process.ppid : undefined,
  };
}

/**
 * Names this job: `GITHUB_RUN_ID` and `GITHUB_RUN_ATTEMPT` a run, `GITHUB_JOB` a job in it, and `RUNNER_NAME` the
 * machine, as all jobs of a matrix have the same name. Not the machine id: runners of one image share it, and one machine
 * may have several runners (https://docs.github.com/en/actions/reference/workflows-and-actions/variables).
 */
function jobFingerprint(): string {
  const names = [
    'GITHUB_SERVER_URL',
    'GITHUB_REPOSITORY',
    'GITHUB_RUN_ID',
    'GITHUB_RUN_ATTEMPT',
    'GITHUB_JOB',
    'RUNNER_NAME',
  ];
  const job = JSON.stringify(names.map((name) => process.env[name] ?? ''));
  return createHmac('sha256', job).update('seatlease fingerprint').digest('base64url');
}

function readWait(text: string): HoldRequest['wait'] {
  if (text === 'true') return true;
  if (text === '' || text === 'false' || Number(text) === 0) return false;
  if (!/^\d{1,6}$/.test(text))
    throw new Error(`The input wait must be seconds, or true. It is ${JSON.stringify(text)}.`);
  return { atMostSeconds: Number(text) };
}

function readKeys(text: string): PublicKeys | undefined {
  if (!text.startsWith('{')) return text || undefined;
  try {
    return JSON.parse(text) as PublicKeys;
  } catch {
    throw new Error('The input public-keys is neither a JSON Web Key Set nor PEMs.');
  }
}
