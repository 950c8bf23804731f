import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import * as z from 'zod/mini';
import { type Built, buildFor, ROOT } from './esbuild.ts';

const NAME = '@google-cloud/functions-framework';

/** The media types that the framework uses. */
const MEDIA_TYPES = [
  'application/json',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'text/html',
  'text/plain',
];

/**
 * The functions-framework as one file, which starts in two thirds of the time of its 300 files, and the package files
 * that start it. Cloud Functions' buildpack starts `node_modules/.bin/functions-framework` if the package files name the
 * framework as a dependency
 * (https://github.com/GoogleCloudPlatform/buildpacks/blob/main/cmd/nodejs/functions_framework/main.go). The dependency
 * is a folder next to them (https://docs.npmjs.com/cli/configuring-npm/package-json#local-paths): nothing is downloaded.
 */
export async function bundleFramework(): Promise<Built> {
  const { files, packages } = await buildFor('framework', {
    entryPoints: [{ in: `node_modules/${NAME}/build/src/main.js`, out: 'main' }],
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    minifyIdentifiers: true,
    plugins: [fewMediaTypes, ownDomain],
  });
  const { version, license } = z.parse(
    z.object({ version: z.string(), license: z.string() }),
    JSON.parse(readFileSync(join(ROOT, 'node_modules', NAME, 'package.json'), 'utf8')),
  );
  const framework = { name: NAME, version, license, bin: { 'functions-framework': 'main.cjs' } };
  const own = {
    name: 'seatlease-function',
    engines: { node: '24' },
    dependencies: { [NAME]: 'file:framework' },
  };
  const lock = {
    name: own.name,
    lockfileVersion: 3,
    requires: true,
    packages: { '': own, framework, [`node_modules/${NAME}`]: { resolved: 'framework', link: true } },
  };
  return {
    files: new Map([
      ...files,
      ['framework/package.json', json(framework)],
      ['package.json', json({ ...own, private: true, main: 'index.cjs' })],
      ['package-lock.json', json(lock)],
    ]),
    packages,
  };
}

function json(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

/**
 * Express includes a table of 2,500 media types for serving files. Our functions set their own types, so the few that
 * the framework uses are enough: the table takes a tenth of a cold start.
 */
const fewMediaTypes: Plugin = {
  name: 'few-media-types',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]mime-db[\\/]db\.json$/ }, ({ path }) => {
      const all = z.parse(z.record(z.string(), z.unknown()), JSON.parse(readFileSync(path, 'utf8')));
      const few = Object.fromEntries(MEDIA_TYPES.map((type) => [type, all[type]]));
      return { loader: 'json', contents: JSON.stringify(few) };
    });
  },
};

/** The framework opens a domain for each request, which costs twice as much as everything else that it does. */
const ownDomain: Plugin = {
  name: 'own-domain',
  setup({ onResolve }) {
    onResolve({ filter: /^(node:)?domain$/ }, () => ({
      path: join(ROOT, 'shared/http/request-domain.ts'),
    }));
  },
};
