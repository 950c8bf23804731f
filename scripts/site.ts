import { buildConsole } from '../clients/console/build.ts';
import { SITE_FOLDER } from './generate/hosting.ts';
import { siteFiles } from './site/files.ts';
import { writeFiles } from './write-files.ts';

writeFiles(SITE_FOLDER, siteFiles());
writeFiles(SITE_FOLDER, await buildConsole());
