import { createHash } from 'node:crypto';
import { publicTextOf, readPrivateKey } from '../domain/rsa-key.ts';
import { GENERATED_NAMES, type GeneratedName } from '../settings.ts';

/** For tests alone: a key of their own would take each test file a tenth of a second. */
const ACCESS_TOKEN_PRIVATE_KEY = `
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCfh49ys34LMalZbPe7Gsmbr5wqj7ZU861Qi0X1nt63iHMuT/je
DEqFXtT+qcHc8drZvGUJgACe3IQ4VRq1ZnPIUYfIvF74zMRSNE+ze35HJGM5NB5qNYTIMK0v55iOfZYBIL7R/CwlJXzZBvukW73D
3ZSmSpt3QYDjQsZw+pRjcLHj72FvEqAgCPrDfusqqpATvJ+s3JOgvDNArAAeVBu//C+QjHUDFuGPLgDTKntoNwhIcIzMrRk2U9zc
Yd9J0QOllOBZTVIDsAdf+sFO0124AhGv+p3v6QjW/+Daa8R8PtQWmgJsyMGxVXH0Y+K/n6QfhFlGCJdtMMX0Vaoj7223AgMBAAEC
ggEAMK1/JntBmy3QpHJdFzEh0okfyFboxnxCZsDQnJWZFPykVL3fTPYIKTEaIgjvmDkOVAEp/V+bEN5t0/iX+UElVDsYiTZ9bkKh
JwpCRZyJmDCwvCw8maDx/tnnhqYPBW+pvXdd8poVaFJLibeZQnoh6emraaB7VsTcjLv77E5xx/OIXJzpLT85kdKz9JnWgCEoWGPe
TBZlPJqmZiRn4tBc+k/h7s64t9aZzDsyTPDaEz0U1lJ7d+pAqtRpTBvbZfgA6Uwx49LrXh30X5MT/LVFIDLespUribGwVERvVbYK
d1MoAusJr/7aJEjPkKLGALJwkFVtnlzwsPvEF5ctqI3Y4QKBgQDPncsn+wSE0H+Fbo75MqzjbgfB+qtYAzcPWdMaPiwx8Qu7wC2x
eM3WX62D6RaKoP0MzFqRwbL5kLAjE5xcXhfzGhdFGmqnbgAMLsOACb39UHKBMVnWBf0wqeM0PuUam1OcMgLg77AbnFO7TAGjBS6h
D58tKPcdAjQTxciojFjilwKBgQDEtPLblWXr7m1KjsixtiTUE1sa7TsXpI/6DLD4KpGEMYNsp8mA1Iy6/FV/8LAerwD9GVSJ0GTj
Tj31MJjQhRmikaJRqw+2dS4XBCK4bGnCrSnEdp2ubxSi7bPKGBmZHDbaLyv+LM3cLGibuU8/5SRVXC4XQYoORwI890A2byXR4QKB
gEZGK+jJf3sRM8jPZleVPo3wxXF0TqEI3Y81oU3ls4HoDEetwgmrUUj5s7rNn9KmsWCunw1tGg59WhFVZvyg4MxpjWzXhzhK9Hsr
LQNeyM9AdrGiKb1W45+gMYaSr2u1HbTl/LF0kBCYdoMUNA2hCGp95iwcDKDmCQiUTto2PzPbAoGAYFQ0si/hb76dKuvtgImwU2L/
NJqEW7mtAEkCySUfidstfyJT3ZE5McCspjDaLsyI8WlcKvkwztfcI5ye2U61FRW4pcHduf58iazuy93blQhz8dAcu/WN55P8fbV7
o61bd1Gue5S5Y18kA06mbqXqOxsfPyhLUV6Yy/5RJdcccEECgYEAsAeli7hZiDjw/yGDhpgYHAHPuTqEP6VYYq3QCr65vWhZOMTg
IdWTnAFMXvRaQbD0SPAF8fOHwZKS+vQUhCyrCfNaEfDiZfB2xOeqy05Gd0eqwwTY+KGOtFHb3v92876+FCLiZRK6uKXNsXQ10OsZ
2X3Loj60tLVFVXzTx4Q7/D0=
`.trim();

const signingKey = readPrivateKey(ACCESS_TOKEN_PRIVATE_KEY);
if (!signingKey) throw new Error('the access token key of tests is not a key');

/** Signs the access tokens of tests. */
export const ACCESS_TOKEN_KEY = signingKey;

/** The secrets of every function that tests run, in their own process or another. */
export const TEST_SECRETS = {
  ...(Object.fromEntries(
    GENERATED_NAMES.map((name) => [
      name,
      `${name.toLowerCase().replaceAll('_', '-')}-for-tests-0123456789abcdef`,
    ]),
  ) as Record<GeneratedName, string>),
  ACCESS_TOKEN_PRIVATE_KEY,
  ACCESS_TOKEN_PUBLIC_KEYS: publicTextOf(ACCESS_TOKEN_KEY),
};

/** Deployed functions get this in place of the operator key. */
export const OPERATOR_KEY_HASH = createHash('sha256').update(TEST_SECRETS.OPERATOR_KEY).digest('hex');
