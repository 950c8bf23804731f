import { parseArgs } from 'node:util';
import { MANIFEST } from '../functions/manifest.ts';
import { type Graph, keyOf, type Resource, recordStack } from './graph.ts';
import { readSettings } from './read-settings.ts';
import { configuredIn } from './stack-file.ts';

/** Resources of one kind that are created at the same time. */
export interface Wave {
  /** 1 for those that wait for nothing, and one more than that of the last resource that it waits for. */
  readonly number: number;
  readonly kind: string;
  readonly names: readonly string[];
  /** Whether they also wait until IAM has applied new grants. */
  readonly afterIam: boolean;
}

/** The order in which Pulumi creates the resources of an empty stack, if all take the same time. */
export function orderOf({ resources }: Pick<Graph, 'resources'>): Wave[] {
  const byKey = new Map(resources.map((resource) => [keyOf(resource), resource]));
  const numbers = new Map<Resource, number>();
  const numberOf = (resource: Resource): number => {
    const known = numbers.get(resource);
    if (known !== undefined) return known;
    const before = resource.dependsOn.flatMap((key) => byKey.get(key) ?? []).map(numberOf);
    const number = 1 + Math.max(0, ...before);
    numbers.set(resource, number);
    return number;
  };
  const waves = Map.groupBy(resources, (resource) => `${numberOf(resource)} ${resource.type}`);
  return [...waves.values()]
    .flatMap((wave) => {
      const [first] = wave;
      if (!first) return [];
      return {
        number: numberOf(first),
        kind: first.type.slice(first.type.lastIndexOf(':') + 1),
        names: wave.map(({ name }) => name),
        afterIam: wave.some(({ hooks }) => hooks.includes('beforeCreate iam-applied')),
      };
    })
    .toSorted((a, b) => a.number - b.number || a.kind.localeCompare(b.kind));
}

/** A line for each wave. It counts resources instead of naming them where there are many. */
export function linesOf(waves: readonly Wave[]): string[] {
  return waves.map(({ number, kind, names, afterIam }) => {
    const which = names.length > MOST_NAMED ? `${names.length} of them` : names.join(', ');
    return `${number}. ${kind}: ${which}${afterIam ? ', when IAM has applied new grants' : ''}`;
  });
}

const MOST_NAMED = 5;

if (import.meta.main) {
  const { stack = '' } = parseArgs({ options: { stack: { type: 'string' } } }).values;
  const waves = orderOf(await recordStack(readSettings(configuredIn(stack), MANIFEST)));
  process.stdout.write(`${linesOf(waves).join('\n')}\n`);
}
