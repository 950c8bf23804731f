import { createHash } from 'node:crypto';
import type { Answers } from '../answers.ts';

/** Answers SCRIPT LOAD with the digest of the script, as https://upstash.com/docs/redis/commands/scripting/script-load says. */
export function loadedScripts(others: Answers): Answers {
  return async (question, signal) => {
    const { body } = question;
    if (!Array.isArray(body) || body[0] !== 'SCRIPT') return others(question, signal);
    return { status: 200, body: { result: createHash('sha1').update(String(body[2])).digest('hex') } };
  };
}
