import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFor, ROOT } from '../bundle/esbuild.ts';
import { writeFiles } from '../write-files.ts';

/** Folders, for `startFunction`, of the functions that ours are compared with. */

const HELLO = "(req, res) => { res.send('Hello, World'); }";

/** The hello world of the framework's guide, with the framework as npm installs it. Its target is `hello`. */
export function writeHelloWorld(folder: string): void {
  writeStock(folder, {
    'index.js':
      "const functions = require('@google-cloud/functions-framework');\n" +
      `functions.http('hello', ${HELLO});\n`,
  });
}

/** The same with the packages of one of our bundles, which contain the framework as one file. */
export function writeBundledHello(bundle: string, folder: string): void {
  cpSync(bundle, folder, { recursive: true });
  writeFileSync(join(folder, 'index.cjs'), `exports.hello = ${HELLO};\n`);
}

/** The hello world after one Redis call with our own client. Its target is `bareCall`. */
export async function writeBareCall(folder: string): Promise<void> {
  writeStock(folder, { 'index.js': await bareCall() });
}

/** The same with the packages of one of our bundles.  */
export async function writeBundledBareCall(bundle: string, folder: string): Promise<void> {
  cpSync(bundle, folder, { recursive: true });
  writeFileSync(join(folder, 'index.cjs'), await bareCall());
}

async function bareCall(): Promise<string | Uint8Array> {
  const { files } = await buildFor('', {
    entryPoints: [{ in: 'scripts/bench/bare-call.ts', out: 'index' }],
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
  });
  const code = files.get('index.cjs');
  if (code === undefined) throw new Error('bare-call.ts was not built');
  return code;
}

function writeStock(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  mkdirSync(folder);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFiles(folder, Object.entries({ 'package.json': '{"main":"index.js"}', ...files }));
}
