import { indexFiles } from './generate/indexes.ts';
import { writeFiles } from './write-files.ts';

writeFiles('.', indexFiles());
// Imported after the indexes are written: it imports the manifest, which is one of them.
const { generatedFiles } = await import('./generate/outputs.ts');
writeFiles('.', await generatedFiles());
