import './deployed-domain.ts';

/** The functions-framework as it is deployed. */
export { http as registerFunction } from '@google-cloud/functions-framework';
export { getTestServer } from '@google-cloud/functions-framework/testing';
