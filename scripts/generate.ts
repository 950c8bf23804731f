import { generatedFiles } from './generate/outputs.ts';
import { writeFiles } from './write-files.ts';

writeFiles('.', await generatedFiles());
