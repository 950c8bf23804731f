import { readFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import type { Dns } from '../ports/dns.ts';

const ZoneSchema = z.record(z.string(), z.array(z.string()));

/**
 * Stands in for the domain name system: the TXT records are in a JSON file, as lists of texts by name, which is read at
 * each lookup. Without the file there are no records. Names are compared without case (RFC 4343).
 */
export function openDnsZone(file: string): Dns {
  return {
    async texts(name) {
      const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '{}';
        throw error;
      });
      const zone = z.parse(ZoneSchema, JSON.parse(content));
      const wanted = name.toLowerCase();
      return Object.entries(zone).flatMap(([each, texts]) => (each.toLowerCase() === wanted ? texts : []));
    },
  };
}
