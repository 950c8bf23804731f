import * as z from 'zod/mini';
import { type Command, defineCommand, EXIT } from '../../clients/admin/src/command.ts';
import { Flag, option } from '../../clients/admin/src/options.ts';
import { disabling, nextStep, signingOne } from '../../shared/domain/key-rotation.ts';
import type { KeyVersion } from '../../shared/ports/signing-keys.ts';
import { aboutDisabling, aboutStep, listed, nothingSigns, toJson } from './keys-report.ts';

const NEEDS_NUMBER = 'needs the number of a version';

export const KEYS_COMMANDS: readonly Command[] = [
  defineCommand({
    name: 'keys list',
    summary: 'Lists the versions of the key that licenses are signed with.',
    asked: z.object({}),
    async run(_, { withKeys }) {
      const versions = await withKeys((keys) => keys.versions());
      return {
        exit: healthOf(versions),
        words: [...listed(versions), ...nothingSigns(versions)].join('\n'),
        json: { versions: versions.map(toJson) },
      };
    },
  }),
  defineCommand({
    name: 'keys rotate',
    summary:
      'Says the next step towards signing with a new version. With --apply it makes that version, where that is the step. With --compromised nothing is waited for.',
    asked: z.object({ apply: Flag, compromised: Flag }),
    async run({ apply, compromised }, { withKeys, nowMs }) {
      return withKeys(async (keys) => {
        const versions = await keys.versions();
        const step = nextStep(versions, nowMs(), compromised);
        const made = apply && step.step === 'create' ? await keys.create() : undefined;
        const { words, json } = aboutStep(step, versions, made);
        return {
          exit: healthOf(versions),
          words: [...words, ...nothingSigns(versions)].join('\n'),
          json: { step: step.step, applied: made !== undefined, ...json },
        };
      });
    },
  }),
  defineCommand({
    name: 'keys disable',
    summary:
      'Says what it would break to take a version out of use. With --apply it does. The one that signs: only with --compromised.',
    asked: z.object({
      version: option('NUMBER', z.string(NEEDS_NUMBER).check(z.regex(/^[1-9]\d{0,8}$/, NEEDS_NUMBER))),
      apply: Flag,
      compromised: Flag,
    }),
    async run({ version: number, apply, compromised }, { withKeys }) {
      return withKeys(async (keys) => {
        const found = disabling(await keys.versions(), Number(number));
        if (found.verdict === 'UNKNOWN') return { trouble: `The key has no version ${number}.` };
        if (found.verdict === 'SIGNS' && !compromised) {
          return {
            trouble: `Version ${number} signs: without it no license is signed. Rotate first (keys rotate), or, where it is in wrong hands, say --compromised.`,
          };
        }
        const isApplied = apply && found.verdict !== 'OUT_OF_USE';
        if (isApplied) await keys.disable(found.version.name);
        const { words, json } = aboutDisabling(found, isApplied);
        return { exit: EXIT.well, words: words.join('\n'), json };
      });
    },
  }),
];

function healthOf(versions: readonly KeyVersion[]) {
  return signingOne(versions) ? EXIT.well : EXIT.found;
}
