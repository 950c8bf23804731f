import { readFileSync } from 'node:fs';
import { shellBlocksOf } from '../checks/markdown.ts';

/** For tests: the runbook and its commands. */
export const runbook = readFileSync('infra/README.md', 'utf8');

/** Each code block as a list of commands. */
export const blocks = shellBlocksOf(runbook).map((code) =>
  code
    .replaceAll(/\\\n/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== ''),
);
export const commands = blocks.flat();
/** Pipes a random secret, or the hash of the operator key, into a command. */
export const RANDOM = "openssl rand -hex 32 | tr -d '\\n' | ";
export const HASH = "openssl dgst -sha256 -r operator-key.txt | cut -c 1-64 | tr -d '\\n' | ";
/** The commands of `gcloud`, without what is piped into them. */
export const ofGoogle = [...new Set(commands)]
  .map((command) => command.replace(RANDOM, '').replace(HASH, ''))
  .filter((command) => command.startsWith('gcloud '));
