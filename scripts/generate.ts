import { indexFiles } from './generate/indexes.ts';
import { writeFiles } from './write-files.ts';

writeFiles('.', indexFiles());
// Loaded only now: it imports the manifest that was just written.
const { generatedFiles } = await import('./generate/outputs.ts');
writeFiles('.', await generatedFiles());
