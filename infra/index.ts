import { Config } from '@pulumi/pulumi';
import { MANIFEST } from '../functions/manifest.ts';
import { readSettings } from './read-settings.ts';
import { suite } from './suite.ts';

const google = new Config('gcp');
const settings = readSettings(
  {
    ...new Config().requireObject<object>('settings'),
    project: google.require('project'),
    region: google.require('region'),
  },
  MANIFEST,
);

/** The stack's outputs: URLs of the functions, the signing key's version, topic and database. */
export const { urls, signingKeyVersion, topic, database } = suite(MANIFEST, settings);
