import { SITE_FOLDER } from './generate/hosting.ts';
import { siteFiles } from './site/files.ts';
import { writeFiles } from './write-files.ts';

writeFiles(SITE_FOLDER, siteFiles());
