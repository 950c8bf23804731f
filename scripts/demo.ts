import * as z from 'zod/mini';
import { about, flag } from '../clients/command-line/options.ts';
import { defineProgram, EXIT, runProgram } from '../clients/command-line/program.ts';
import { openDemoServer } from './demo/server.ts';
import { playSignIn } from './demo/signed-in.ts';
import { playStory } from './demo/story.ts';

const startedMs = performance.now();
const say = (who: string, what: string): void => {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${who.padEnd(9)} ${what}\n`);
};

const program = defineProgram('npm run demo --', {
  summary:
    'Shows five machines that share three seats, on the server of npm start or, if none runs, its own.',
  options: z.object({ signIn: about('signs in with a browser and takes a seat instead', flag()) }),
  async run({ signIn }) {
    const server = await openDemoServer(say);
    try {
      await (signIn ? playSignIn : playStory)(server, say);
    } finally {
      await server.close();
    }
    return EXIT.ok;
  },
});

process.exitCode = await runProgram(program, process.argv.slice(2));
