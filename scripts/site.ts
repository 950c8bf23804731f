import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SITE_FOLDER } from './generate/hosting.ts';
import { siteFiles } from './site/files.ts';

for (const [path, content] of siteFiles()) {
  const file = join(SITE_FOLDER, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
