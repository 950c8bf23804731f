import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, sign } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { describeReal, describeUnless } from '../../shared/testing/real-parts.ts';
import { codeBlocksOf } from './markdown.ts';

/** The guide's code for "If a signing key is compromised", in each language. */
const blocks = codeBlocksOf(readFileSync('clients/docs/verify.md', 'utf8'));

function codeIn(language: string, place: number): string {
  const code = blocks.filter((block) => block.language === language)[place]?.code;
  return code ?? expect.fail(`the guide has no code for ${language}`);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'seatlease-revocations-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(file: string, content: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), content);
}

const PRIVATE = { old: inject('signingKeys')[0], fresh: inject('signingKeys')[1] };
type Name = keyof typeof PRIVATE;
const pemOf = (name: Name) =>
  createPublicKey(PRIVATE[name]).export({ type: 'spki', format: 'pem' }).toString();
const keysOf = (...names: Name[]) => ({
  keys: names.map((name) => ({ key_id: name, public_key: pemOf(name) })),
});
const ISSUED_AT = '2027-01-15T08:00:00.000Z';

/** A list signed by a key; `kid`: the one that it names. */
function listBy(
  by: Name,
  sequence: number,
  keys: object[],
  licenses: object[] = [],
  head: object = {},
): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: 'RS256', kid: by, typ: 'license-revocations+jwt', ...head };
  const input = `${part(header)}.${part({ iat: 1, sequence, keys, licenses })}`;
  return `${input}.${sign('sha256', Buffer.from(input), PRIVATE[by]).toString('base64url')}`;
}
const entry = (key_id: Name, since: string | null = null) => ({ key_id, thumbprint: 'x', since });

interface Case {
  readonly what: string;
  /** The lists that were fetched, one after the other. */
  readonly lists: readonly (readonly string[])[];
  readonly keys: object;
  readonly keyId: Name;
  readonly license: { readonly jti: string; readonly issued_at: string };
  readonly isRevoked: boolean;
}
const BOTH = keysOf('fresh', 'old');
const OF_OLD = { keys: BOTH, keyId: 'old', license: { jti: 'one', issued_at: ISSUED_AT } } as const;
const honest = [listBy('fresh', 1, [entry('old')]), listBy('old', 1, [entry('old')])];
const CASES: readonly Case[] = [
  { ...OF_OLD, what: 'while nothing is revoked', lists: [[]], isRevoked: false },
  { ...OF_OLD, what: 'of a revoked key', lists: [honest], isRevoked: true },
  { ...OF_OLD, what: 'of the new key', lists: [honest], keyId: 'fresh', isRevoked: false },
  {
    ...OF_OLD,
    what: 'of a revoked key, if it is the only one in the build',
    lists: [honest],
    keys: keysOf('old'),
    isRevoked: true,
  },
  { ...OF_OLD, what: 'after a list that cannot be fetched', lists: [honest, []], isRevoked: true },
  {
    ...OF_OLD,
    what: 'after a later list of the revoked key',
    lists: [honest, [listBy('old', 9, [])]],
    isRevoked: true,
  },
  {
    ...OF_OLD,
    what: 'after an older list',
    lists: [[listBy('fresh', 2, [entry('old')])], [listBy('fresh', 1, [])]],
    isRevoked: true,
  },
  {
    ...OF_OLD,
    what: 'after the revocation was undone',
    lists: [honest, [listBy('fresh', 2, [])]],
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'of the new key, which the old one revokes beside itself',
    lists: [[listBy('old', 1, [entry('old'), entry('fresh')])]],
    keyId: 'fresh',
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'with a list of another type',
    lists: [[listBy('fresh', 1, [entry('old')], [], { typ: 'license+jwt' })]],
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'with a list of another algorithm',
    lists: [[listBy('fresh', 1, [entry('old')], [], { alg: 'RS512' })]],
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'with a list that names another signer',
    lists: [[listBy('old', 1, [entry('old')], [], { kid: 'fresh' })]],
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'with a list of an unknown key',
    lists: [[listBy('fresh', 1, [entry('old')])]],
    keys: keysOf('old'),
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'issued before the moment',
    lists: [[listBy('fresh', 1, [entry('old', '2027-01-15T08:00:00.001Z')])]],
    isRevoked: false,
  },
  {
    ...OF_OLD,
    what: 'issued at the moment',
    lists: [[listBy('fresh', 1, [entry('old', ISSUED_AT)])]],
    isRevoked: true,
  },
  {
    ...OF_OLD,
    what: 'that is revoked itself',
    lists: [[listBy('fresh', 1, [], [{ jti: 'one', until: ISSUED_AT }])]],
    isRevoked: true,
  },
  {
    ...OF_OLD,
    what: 'beside one that is revoked',
    lists: [[listBy('fresh', 1, [], [{ jti: 'two', until: ISSUED_AT }])]],
    isRevoked: false,
  },
];

interface Runner {
  readonly language: string;
  readonly files: () => Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly needs?: readonly [string, ...string[]];
}

const RUNNERS: readonly Runner[] = [
  {
    language: 'js',
    files: () => ({
      'revocations.mjs': codeIn('js', 1),
      'show.mjs': `
import { readFileSync, writeFileSync } from 'node:fs';
import { isRevoked, readRevocations } from './revocations.mjs';
const verdicts = JSON.parse(readFileSync('cases.json', 'utf8')).map(({ lists, keys, keyId, license }) => {
  let known;
  for (const tokens of lists) known = JSON.parse(JSON.stringify(readRevocations({ tokens }, keys, known)));
  return isRevoked(known, keyId, license);
});
writeFileSync('verdicts.json', JSON.stringify(verdicts));
`,
    }),
    command: [process.execPath, 'show.mjs'],
  },
  {
    language: 'python',
    files: () => ({
      'revocations.py': codeIn('python', 1),
      'show.py': `
import json
from revocations import NOTHING, is_revoked, read_revocations
verdicts = []
for shown in json.load(open("cases.json")):
    known = NOTHING
    for tokens in shown["lists"]:
        known = json.loads(json.dumps(read_revocations({"tokens": tokens}, shown["keys"], known)))
    verdicts.append(is_revoked(known, shown["keyId"], shown["license"]))
json.dump(verdicts, open("verdicts.json", "w"))
`,
    }),
    command: ['/usr/bin/python3', 'show.py'],
    needs: ['/usr/bin/python3', '-c', 'import cryptography'],
  },
  {
    language: 'go',
    files: () => ({
      'program/go.mod': 'module show\n\ngo 1.19\n',
      'program/license/verify.go': codeIn('go', 0),
      'program/license/revocations.go': codeIn('go', 1),
      'program/main.go': `
package main

import (
	"encoding/json"
	"os"
	"time"

	"show/license"
)

func main() {
	var cases []struct {
		Lists   [][]string
		Keys    license.Keys
		KeyID   string
		License struct {
			JTI      string
			IssuedAt time.Time \`json:"issued_at"\`
		}
	}
	text, _ := os.ReadFile("../cases.json")
	if err := json.Unmarshal(text, &cases); err != nil {
		panic(err)
	}
	verdicts := []bool{}
	for _, shown := range cases {
		var known license.Revocations
		for _, tokens := range shown.Lists {
			known = known.Read(tokens, shown.Keys)
			stored, _ := json.Marshal(known)
			known = license.Revocations{}
			if err := json.Unmarshal(stored, &known); err != nil {
				panic(err)
			}
		}
		verdicts = append(verdicts, known.IsRevoked(shown.KeyID, shown.License.JTI, shown.License.IssuedAt))
	}
	text, _ = json.Marshal(verdicts)
	if err := os.WriteFile("../verdicts.json", text, 0o600); err != nil {
		panic(err)
	}
}
`,
    }),
    command: ['go', 'run', '.'],
    cwd: 'program',
    needs: ['go', 'version'],
  },
];

function missingFor({ needs }: Runner): string {
  if (!needs || spawnSync(needs[0], needs.slice(1)).status === 0) return '';
  return `${needs[0]} or a module of it is not installed`;
}

for (const runner of RUNNERS) {
  describeUnless(missingFor(runner), `a program with the code for ${runner.language}`, () => {
    test('refuses exactly the licenses that are revoked', () => {
      for (const [file, content] of Object.entries(runner.files())) write(file, content);
      write('cases.json', JSON.stringify(CASES));
      const [program, ...args] = runner.command;
      execFileSync(program, args, { cwd: join(folder, runner.cwd ?? '') });
      const verdicts = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8'));
      const wrong = CASES.flatMap(({ what, isRevoked }, n) => (verdicts[n] === isRevoked ? [] : [what]));
      expect(wrong).toEqual([]);
      expect(verdicts).toHaveLength(CASES.length);
      // With an empty build cache, Go compiles the standard library first.
    }, 120_000);
  });
}

describeReal('openssl', 'the commands for a shell', () => {
  /** One list only: they keep nothing. */
  const shown = CASES.filter(
    ({ lists, what }) => lists.length === 1 && !/type|algorithm|names another/.test(what),
  );
  test.each(shown)('decide on a license $what', ({ lists, keys, keyId, license, isRevoked }) => {
    write('.seatlease/demo.json', JSON.stringify({ url: `file://${folder}` }));
    write('.well-known/license-revocations.json', JSON.stringify({ tokens: lists[0] }));
    write('keys.json', JSON.stringify(keys));
    write('license.json', JSON.stringify(license));
    write('signed.json', JSON.stringify({ key_id: keyId }));
    const { status, stdout } = spawnSync('bash', ['-c', codeIn('sh', 2)], { cwd: folder, encoding: 'utf8' });
    expect([status === 0, stdout.includes('not revoked')]).toEqual([!isRevoked, !isRevoked]);
  });

  test('stop if a list was changed', () => {
    const [head, , signature] = listBy('fresh', 1, [entry('old')]).split('.');
    const payload = Buffer.from(JSON.stringify({ sequence: 1, keys: [], licenses: [] })).toString(
      'base64url',
    );
    write(
      '.well-known/license-revocations.json',
      JSON.stringify({ tokens: [`${head}.${payload}.${signature}`] }),
    );
    expect(spawnSync('bash', ['-c', codeIn('sh', 2)], { cwd: folder }).status).not.toBe(0);
  });
});
