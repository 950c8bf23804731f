import { posix } from 'node:path';
import { parseSync } from 'rolldown/utils';

export interface Import {
  /** Path from the root of the repository, or the name of a package. */
  readonly of: string;
  /** Loaded with the file: neither `import type` nor `import()`. */
  readonly isLoaded: boolean;
}

/** What the TypeScript `source` of `file` (its path from the root) imports, types and `import()` included. */
export function importsOf(file: string, source: string): Import[] {
  const { module, errors } = parseSync(file, source);
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  const isType = (start: number): boolean => /^(?:import|export)\s+type\b/.test(source.slice(start));
  const imported = module.staticImports.map(({ start, moduleRequest }) => ({
    of: moduleRequest.value,
    isLoaded: !isType(start),
  }));
  const exported = module.staticExports.flatMap(({ start, entries: [first] }) =>
    first?.moduleRequest ? [{ of: first.moduleRequest.value, isLoaded: !isType(start) }] : [],
  );
  const lazy = module.dynamicImports.flatMap(({ moduleRequest }) => {
    const [, of] = /^['"`]([^'"`$]+)['"`]$/.exec(source.slice(moduleRequest.start, moduleRequest.end)) ?? [];
    return of === undefined ? [] : [{ of, isLoaded: false }];
  });
  return [...imported, ...exported, ...lazy].map(({ of, isLoaded }) => ({
    of: of.startsWith('.') ? posix.join(posix.dirname(file), of) : of,
    isLoaded,
  }));
}
