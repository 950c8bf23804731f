import { parseArgs } from 'node:util';
import { openDemoServer } from './demo/server.ts';
import { tellSignIn } from './demo/signed-in.ts';
import { tellStory } from './demo/story.ts';

const startedMs = performance.now();
const say = (who: string, what: string): void => {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${who.padEnd(9)} ${what}\n`);
};

const { values } = parseArgs({ options: { 'sign-in': { type: 'boolean' } } });
const server = await openDemoServer(say);
try {
  await (values['sign-in'] ? tellSignIn : tellStory)(server, say);
} finally {
  await server.close();
}
