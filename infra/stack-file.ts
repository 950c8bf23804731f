import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

function fileOf(stack: string): string {
  return fileURLToPath(new URL(`./Pulumi.${stack}.yaml`, import.meta.url));
}

export function isStack(name: string): boolean {
  return /^[\w-]+$/.test(name) && existsSync(fileOf(name));
}

/** The settings in `Pulumi.<stack>.yaml`, in the form that Pulumi passes on. */
export function configuredIn(stack: string): Record<string, unknown> {
  const { config } = parse(readFileSync(fileOf(stack), 'utf8'));
  const { 'gcp:project': project, 'gcp:region': region, 'seatlease:settings': settings } = config;
  return { ...settings, project, region };
}
