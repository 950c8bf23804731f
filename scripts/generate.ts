import { writeFileSync } from 'node:fs';
import { generatedFiles } from './generate/outputs.ts';

for (const [path, content] of generatedFiles()) writeFileSync(path, content);
