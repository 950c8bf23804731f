import { spawnSync } from 'node:child_process';
import {
  constants,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { LicenseDataSchema } from '../../shared/domain/signed-license.ts';
import { describeReal, describeUnless } from '../../shared/testing/real-parts.ts';
import { codeBlocksOf } from './markdown.ts';
import { type Newcomer, newcomer } from './newcomer.ts';

const blocks = codeBlocksOf(readFileSync('clients/docs/verify.md', 'utf8'));

function codeIn(language: string, place = 0): string {
  const code = blocks.filter((block) => block.language === language)[place]?.code;
  if (code === undefined) throw new Error(`the guide has no code for ${language}`);
  return code;
}

const Signed = z.object({
  signed_license: z.string(),
  license_json: z.string(),
  license_token: z.string(),
  key_id: z.string(),
});
type Signed = z.infer<typeof Signed>;

/** A signed license or token, what the verifier expects, and whether it must accept. */
interface Case {
  readonly what: string;
  readonly signed?: Signed;
  readonly token?: string;
  readonly expected: Expected;
  readonly now: string;
  readonly isGood: boolean;
}
interface Expected {
  readonly license_id: string;
  readonly fingerprint: string;
  readonly features: readonly string[];
}

let reader: Newcomer;
let cases: readonly Case[];
beforeAll(async () => {
  reader = await newcomer();
  await reader.start();
  const { status, output } = await reader.paste(codeIn('sh'));
  if (status !== 0) throw new Error(`could not get a license: ${output}`);
  cases = allCases(z.parse(Signed, read('signed.json')));
});
afterAll(() => reader.leave());

const read = (file: string): unknown => JSON.parse(readFileSync(join(reader.folder, file), 'utf8'));

function write(file: string, content: string): void {
  mkdirSync(dirname(join(reader.folder, file)), { recursive: true });
  writeFileSync(join(reader.folder, file), content);
}

/** For each byte, a copy of `bytes` with one bit of that byte flipped. */
function changes(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte, place) => {
    const changed = Buffer.from(bytes);
    changed[place] = byte ^ (1 << (place % 7));
    return changed;
  });
}

function allCases(good: Signed): Case[] {
  const license = z.parse(LicenseDataSchema, JSON.parse(good.license_json));
  const expected = { license_id: license.license_id, fingerprint: 'my-laptop', features: ['export'] };
  const endMs = Date.parse(license.offline_until);
  const before = (ms: number): string => new Date(endMs - ms).toISOString();
  // A token's expiry is in whole seconds, up to a second before `offline_until`.
  const shown = { expected, now: before(1000), isGood: false };
  // The private key is in the checkout's data folder, so the test can sign invalid licenses with the right key.
  const key = createPrivateKey(readFileSync(join(reader.folder, '.seatlease/signing-keys/1.pem')));
  const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const [header = '', payload = '', tokenSignature = ''] = good.license_token.split('.');
  const claims = z.parse(z.record(z.string(), z.unknown()), partOf(payload));
  const heading = { alg: 'RS256', kid: good.key_id, typ: 'license+jwt' };
  const token = (head: object, body: object, by: (input: Buffer) => Buffer): string => {
    const input = `${encode(head)}.${encode(body)}`;
    return `${input}.${by(Buffer.from(input)).toString('base64url')}`;
  };
  const rs =
    (by: KeyObject, hash = 'sha256') =>
    (input: Buffer) =>
      sign(hash, input, by);
  const pss = (input: Buffer) =>
    sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
  const hmac = (input: Buffer) => createHmac('sha256', publicPem()).update(input).digest();
  const resigned = (change: object, by = key): Signed => {
    const license_json = JSON.stringify({ ...license, ...change });
    return {
      ...good,
      license_json,
      signed_license: sign('sha256', Buffer.from(license_json), by).toString('base64'),
    };
  };

  return [
    { ...shown, what: 'as returned', signed: good, isGood: true },
    { ...shown, what: 'just before its end', signed: good, now: before(1), isGood: true },
    {
      ...shown,
      what: 'not in canonical form',
      signed: { ...good, license_json: `${good.license_json}\n` },
    },
    ...changes(Buffer.from(good.license_json)).map((bytes, place) => ({
      ...shown,
      what: `byte ${place} of the license changed`,
      signed: { ...good, license_json: bytes.toString('latin1') },
    })),
    ...changes(Buffer.from(good.signed_license, 'base64')).map((bytes, place) => ({
      ...shown,
      what: `byte ${place} of the signature changed`,
      signed: { ...good, signed_license: bytes.toString('base64') },
    })),
    { ...shown, what: 'with no signature', signed: { ...good, signed_license: '' } },
    { ...shown, what: 'signed by another key', signed: resigned({}, foreign) },
    { ...shown, what: 'of an unknown key', signed: { ...good, key_id: 'v9-unknown' } },
    { ...shown, what: 'without an end', signed: resigned({ offline_until: undefined }) },
    { ...shown, what: 'without features', signed: resigned({ features: undefined }) },

    { ...shown, what: 'token as returned', token: good.license_token, isGood: true },
    { ...shown, what: 'token signed again', token: token(heading, claims, rs(key)), isGood: true },
    ...[header, payload, tokenSignature].flatMap((part, index) =>
      changes(Buffer.from(part, 'base64url')).map((bytes, place) => ({
        ...shown,
        what: `byte ${place} of part ${index} of the token changed`,
        token: [header, payload, tokenSignature].with(index, bytes.toString('base64url')).join('.'),
      })),
    ),
    ...['none', 'None', ''].map((alg) => ({
      ...shown,
      what: `token with alg ${alg} and no signature`,
      token: token({ ...heading, alg }, claims, () => Buffer.alloc(0)),
    })),
    { ...shown, what: 'token with no signature', token: `${header}.${payload}.` },
    {
      ...shown,
      what: 'token with HS256 and the public key as the secret',
      token: token({ ...heading, alg: 'HS256' }, claims, hmac),
    },
    {
      ...shown,
      what: 'token with RS256 in the header, signed with HS256',
      token: token(heading, claims, hmac),
    },
    {
      ...shown,
      what: 'token with RS512',
      token: token({ ...heading, alg: 'RS512' }, claims, rs(key, 'sha512')),
    },
    {
      ...shown,
      what: 'token with RS512 in the header, signed with RS256',
      token: token({ ...heading, alg: 'RS512' }, claims, rs(key)),
    },
    { ...shown, what: 'token with PS256', token: token({ ...heading, alg: 'PS256' }, claims, pss) },
    { ...shown, what: 'token of another type', token: token({ ...heading, typ: 'JWT' }, claims, rs(key)) },
    { ...shown, what: 'token of no type', token: token({ ...heading, typ: undefined }, claims, rs(key)) },
    { ...shown, what: 'token by another key', token: token(heading, claims, rs(foreign)) },
    {
      ...shown,
      what: 'token of an unknown key',
      token: token({ ...heading, kid: 'v9-unknown' }, claims, rs(key)),
    },
    { ...shown, what: 'expired token', token: token(heading, { ...claims, exp: 1 }, rs(key)) },
    {
      ...shown,
      what: 'token without an expiry',
      token: token(heading, { ...claims, exp: undefined }, rs(key)),
    },
    {
      ...shown,
      what: 'token without a license',
      token: token(heading, { ...claims, license: undefined }, rs(key)),
    },
    { ...shown, what: 'text that is not a token', token: 'x' },

    ...[{ signed: good }, { token: good.license_token }].flatMap((form) => [
      { ...shown, ...form, what: 'at its end', now: license.offline_until },
      { ...shown, ...form, what: 'years later', now: '2099-01-01T00:00:00.000Z' },
      {
        ...shown,
        ...form,
        what: 'on another machine',
        expected: { ...expected, fingerprint: 'their-laptop' },
      },
      {
        ...shown,
        ...form,
        what: 'for another license',
        expected: { ...expected, license_id: 'lic_00_other' },
      },
      {
        ...shown,
        ...form,
        what: 'for another feature',
        expected: { ...expected, features: ['export', 'admin'] },
      },
      { ...shown, ...form, what: 'for no feature', expected: { ...expected, features: [] }, isGood: true },
    ]),
  ];
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const partOf = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());

function publicPem(): string {
  return z.parse(z.object({ public_key: z.string() }), read('keys.json')).public_key;
}

/** A program around the guide's code: reads cases.json, and writes to verdicts.json which of them it accepts. */
interface Runner {
  /** Language of the guide's code block. */
  readonly language: string;
  /** The file for that code. */
  readonly file: string;
  readonly around: Readonly<Record<string, string>>;
  readonly command: string;
  /** A command that checks whether the language is installed, and how to install it. Absent if it always is. */
  readonly needs?: { readonly command: readonly [string, ...string[]]; readonly install: string };
}

const NODE: Runner = {
  language: 'js',
  file: 'verify.mjs',
  around: {
    'show.mjs': `
import { readFileSync, writeFileSync } from 'node:fs';
import { createLocalJWKSet } from 'jose';
import { vendorKeys, verifyLicense, verifyToken } from './verify.mjs';

const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
const accepts = (verifying) => verifying.then(() => true, () => false);
const [keys, fetched] = [read('keys.json'), vendorKeys(read('.seatlease/demo.json').url)];
// Stored keys without their algorithm.
const kept = createLocalJWKSet({ keys: read('jwks.json').keys.map(({ alg, ...key }) => key) });
const verdicts = [];
for (const { signed, token, expected: { license_id: licenseId, ...rest }, now } of read('cases.json')) {
  const others = [{ licenseId, ...rest }, new Date(now)];
  if (signed) {
    verdicts.push(await accepts((async () => verifyLicense(signed, keys, ...others))()));
  } else {
    const isAccepted = await accepts(verifyToken(token, fetched, ...others));
    const isAcceptedWithStored = await accepts(verifyToken(token, kept, ...others));
    verdicts.push(isAccepted === isAcceptedWithStored ? isAccepted : 'depends on the keys');
  }
}
writeFileSync('verdicts.json', JSON.stringify(verdicts));
`,
  },
  command: 'node show.mjs',
};

const PYTHON: Runner = {
  language: 'python',
  file: 'verify.py',
  around: {
    'show.py': `
import json
from datetime import datetime
from verify import vendor_keys, verify_license, verify_token

read = lambda file: json.load(open(file))
keys, jwks = read("keys.json"), vendor_keys(read(".seatlease/demo.json")["url"])
verdicts = []
for shown in read("cases.json"):
    now = datetime.strptime(shown["now"], "%Y-%m-%dT%H:%M:%S.%f%z")
    try:
        if "signed" in shown:
            verify_license(shown["signed"], keys, shown["expected"], now)
        else:
            verify_token(shown["token"], jwks, shown["expected"], now)
        verdicts.append(True)
    except Exception:
        verdicts.append(False)
json.dump(verdicts, open("verdicts.json", "w"))
`,
  },
  // The system's Python has the modules of Debian's packages; the first one in PATH may be another.
  command: '/usr/bin/python3 show.py',
  needs: {
    command: ['/usr/bin/python3', '-c', 'import cryptography, jwt'],
    install: 'apt-get install python3-cryptography python3-jwt',
  },
};

const GO: Runner = {
  language: 'go',
  file: 'program/license/verify.go',
  around: {
    'program/go.mod': 'module show\n\ngo 1.19\n',
    'program/main.go': `
package main

import (
	"encoding/json"
	"os"
	"time"

	"show/license"
)

func main() {
	var keys license.Keys
	var cases []struct {
		Signed   *license.Signed
		Token    string
		Expected struct {
			LicenseID   string \`json:"license_id"\`
			Fingerprint string
			Features    []string
		}
		Now time.Time
	}
	read("keys.json", &keys)
	read("cases.json", &cases)
	verdicts := []bool{}
	for _, shown := range cases {
		expected := license.Expected{LicenseID: shown.Expected.LicenseID, Fingerprint: shown.Expected.Fingerprint, Features: shown.Expected.Features}
		var err error
		if shown.Signed != nil {
			_, err = license.Verify(*shown.Signed, keys, expected, shown.Now)
		} else {
			_, err = license.VerifyToken(shown.Token, keys, expected, shown.Now)
		}
		verdicts = append(verdicts, err == nil)
	}
	text, _ := json.Marshal(verdicts)
	if err := os.WriteFile("../verdicts.json", text, 0o600); err != nil {
		panic(err)
	}
}

func read(file string, into any) {
	text, err := os.ReadFile("../" + file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		panic(err)
	}
}
`,
  },
  command: 'cd program && go run .',
  needs: { command: ['go', 'version'], install: 'apt-get install golang-go' },
};

/** With an empty build cache, Go compiles the standard library first. */
const GO_COMPILES_WITHIN_MS = 120_000;

/** Why the program cannot run here; empty if it can. */
function missingFor({ needs }: Runner): string {
  if (!needs || spawnSync(needs.command[0], needs.command.slice(1)).status === 0) return '';
  return `${needs.command[0]} or a module of it is not installed (${needs.install})`;
}

for (const runner of [NODE, PYTHON, GO]) {
  const { language, file, around, command } = runner;
  describeUnless(missingFor(runner), `a program with the code for ${language}`, () => {
    test(
      'accepts the signed license, and rejects every changed one',
      async () => {
        for (const [path, content] of Object.entries({ ...around, [file]: codeIn(language) }))
          write(path, content);
        write('cases.json', JSON.stringify(cases));
        const { status, output } = await reader.paste(command);
        expect(status, output).toBe(0);
        const verdicts = z.parse(z.array(z.unknown()), read('verdicts.json'));
        const wrong = cases.flatMap(({ what, isGood }, n) => (verdicts[n] === isGood ? [] : [what]));
        expect(wrong).toEqual([]);
        expect(verdicts).toHaveLength(cases.length);
      },
      GO_COMPILES_WITHIN_MS,
    );
  });
}

describeReal('openssl', 'the commands for a shell', () => {
  /** Whether the guide's second shell block accepts a case, at the time of that case. */
  async function accepts({ signed: license, now }: Case, changed = (code: string) => code): Promise<boolean> {
    write('signed.json', JSON.stringify(license));
    // A shell that continues after a failed command, as most do.
    const shell = `set +eu\ndate() { command date -d ${now} "$@"; }\n`;
    const { status } = await reader.paste(shell + changed(codeIn('sh', 1)));
    return status === 0;
  }
  const shown = (what: string): Case => {
    const found = cases.find((each) => each.signed && each.what === what);
    return found ?? expect.fail(`there is no case "${what}"`);
  };

  test('accept the signed license', async () => {
    expect(await accepts({ ...shown('as returned'), now: new Date().toISOString() })).toBe(true);
  });

  const rejected = [
    'signed by another key',
    'at its end',
    'not in canonical form',
    'byte 0 of the license changed',
    'byte 0 of the signature changed',
    'byte 511 of the signature changed',
    'of an unknown key',
    'without an end',
    'without features',
  ];
  test.each(rejected)('reject a license %s', async (what) => {
    expect(await accepts(shown(what))).toBe(false);
  });

  test.each([
    ['on another machine', 'FINGERPRINT=my-laptop', 'FINGERPRINT=their-laptop'],
    ['for another license', 'LICENSE=', 'LICENSE=x'],
    ['for a feature that it does not have', 'FEATURE=export', 'FEATURE=admin'],
  ])('reject a license %s', async (_, expected, other) => {
    expect(codeIn('sh', 1)).toContain(expected);
    const code = (text: string): string => text.replace(expected, other);
    expect(await accepts(shown('as returned'), code)).toBe(false);
  });
});
