import { constants, createPrivateKey, createPublicKey, type KeyObject, privateEncrypt } from 'node:crypto';
import {
  credentials,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import crc32c from 'crc-32/crc32c.js';
import * as z from 'zod/mini';

const PARENT = 'projects/test/locations/europe/keyRings/seatlease/cryptoKeys/licenses';
const ALGORITHM = 'RSA_SIGN_PKCS1_4096_SHA256';
const PAGE = 2;

export type Spoil =
  | 'signature bit'
  | 'signature checksum'
  | 'unverified digest'
  | 'version name'
  | 'key checksum'
  | 'key name';

export interface KmsCall {
  readonly method:
    | 'AsymmetricSign'
    | 'GetPublicKey'
    | 'ListCryptoKeyVersions'
    | 'CreateCryptoKeyVersion'
    | 'UpdateCryptoKeyVersion';
  readonly name: string;
  readonly digest?: Buffer | undefined;
  readonly checksum?: number | undefined;
}

/** A fake Cloud KMS for tests: the real gRPC protocol, real keys, and wrong answers on request. */
export interface KmsServer {
  /** Client options to connect to it. */
  readonly client: {
    apiEndpoint: string;
    port: number;
    sslCreds: ReturnType<typeof credentials.createInsecure>;
  };
  readonly calls: readonly KmsCall[];
  versionName(number: number): string;
  /** State of a version, or `undefined` if it does not exist. */
  stateOf(number: number): string | undefined;
  setState(number: number, state: string): void;
  setAlgorithm(number: number, algorithm: string): void;
  forgetCalls(): void;
  /** Corrupts the next `count` answers of the matching method in this way. */
  spoil(how: Spoil, count: number): void;
  /** Makes the next `count` calls fail with this status. */
  fail(code: status, count: number): void;
  /** How many of these failures are still left. */
  failuresLeft(): number;
  /** While hung, accepts calls without answering. */
  hang(isHung: boolean): void;
  /** Delays the answer to the next call until `release` is called. */
  hold(): { readonly arrived: Promise<void>; release(): void };
  /** Stops answering on all connections that are open now. */
  silenceConnections(): void;
  /** Number of connections on which clients made calls. */
  connectionCount(): number;
  close(): Promise<void>;
}

interface Version {
  state: string;
  algorithm: string;
  readonly privateKey: KeyObject;
  readonly createdAtSeconds: number;
  /** When the key material was generated; absent while that is pending. */
  generatedAtSeconds?: number;
}

const Name = z.object({ name: z.string() });
const Parent = z.object({
  parent: z.string(),
  filter: z.optional(z.string()),
  pageToken: z.optional(z.string()),
});
const SignRequest = z.object({
  name: z.string(),
  digest: z.object({ sha256: z.instanceof(Buffer) }),
  digestCrc32c: z.nullish(z.object({ value: z.string() })),
});
const UpdateRequest = z.object({
  cryptoKeyVersion: z.object({ name: z.string(), state: z.string() }),
  updateMask: z.object({ paths: z.array(z.string()) }),
});

class Failure extends Error {
  readonly code: status;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
  }
}

/** Starts with one enabled version, which uses the first of `pems`. Later versions use the next ones. */
export async function startKmsServer(pems: readonly string[]): Promise<KmsServer> {
  const key = new CryptoKey(pems);
  const methods = methodsOf(key);
  const traffic: Traffic = { failures: [], held: [], peers: new Set(), silenced: new Set(), isHung: false };
  const server = new Server();
  server.addService(
    kmsService(),
    Object.fromEntries(
      Object.entries(methods).map(([method, answer]) => [method, answering(traffic, answer)]),
    ),
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });

  return {
    client: { apiEndpoint: '127.0.0.1', port, sslCreds: credentials.createInsecure() },
    calls: key.calls,
    versionName,
    stateOf: (number) => key.versions.get(versionName(number))?.state,
    setState(number, state) {
      const version = key.versionAt(versionName(number));
      version.state = state;
      if (state === 'ENABLED') version.generatedAtSeconds ??= Math.floor(Date.now() / 1000);
    },
    setAlgorithm(number, algorithm) {
      key.versionAt(versionName(number)).algorithm = algorithm;
    },
    forgetCalls() {
      key.calls.length = 0;
    },
    spoil: (how, count) => void key.spoils.set(how, count),
    fail: (code, count) => void traffic.failures.push(...Array<status>(count).fill(code)),
    failuresLeft: () => traffic.failures.length,
    hang(isHung) {
      traffic.isHung = isHung;
    },
    hold() {
      const arrival = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      traffic.held.push(() => {
        arrival.resolve();
        return release.promise;
      });
      return { arrived: arrival.promise, release: release.resolve };
    },
    silenceConnections() {
      traffic.silenced = new Set(traffic.peers);
    },
    connectionCount: () => traffic.peers.size,
    async close() {
      server.forceShutdown();
    },
  };
}

function versionName(number: number): string {
  return `${PARENT}/cryptoKeyVersions/${number}`;
}

/** The key with its versions, the calls it received, and the faults of its next answers. */
class CryptoKey {
  readonly calls: KmsCall[] = [];
  readonly versions = new Map<string, Version>();
  readonly spoils = new Map<Spoil, number>();
  readonly #pems: readonly string[];

  constructor(pems: readonly string[]) {
    this.#pems = pems;
    this.addVersion('ENABLED');
  }

  addVersion(state: string): string {
    const number = this.versions.size + 1;
    const pem = this.#pems[number - 1];
    if (pem === undefined) throw new Error('the test has no key for another version');
    const name = versionName(number);
    const createdAtSeconds = Math.floor(Date.now() / 1000);
    const privateKey = createPrivateKey(pem);
    this.versions.set(name, { state, algorithm: ALGORITHM, privateKey, createdAtSeconds });
    return name;
  }

  versionAt(name: string): Version {
    const version = this.versions.get(name);
    if (!version) throw new Failure(status.NOT_FOUND, `CryptoKeyVersion ${name} not found.`);
    return version;
  }

  enabledVersionAt(name: string): Version {
    const version = this.versionAt(name);
    if (version.state !== 'ENABLED') {
      throw new Failure(
        status.FAILED_PRECONDITION,
        `${name} is not enabled, current state is: ${version.state}.`,
      );
    }
    return version;
  }

  describeVersion(name: string): object {
    const { state, algorithm, createdAtSeconds, generatedAtSeconds } = this.versionAt(name);
    return {
      name,
      state,
      algorithm,
      createTime: { seconds: createdAtSeconds },
      ...(generatedAtSeconds === undefined ? {} : { generateTime: { seconds: generatedAtSeconds } }),
    };
  }

  /** Whether this answer must be corrupted in this way. Reduces the number of such answers that are left. */
  isSpoiled(how: Spoil): boolean {
    const left = this.spoils.get(how) ?? 0;
    if (left > 0) this.spoils.set(how, left - 1);
    return left > 0;
  }
}

type Method = (request: unknown) => object;

function methodsOf(key: CryptoKey): Record<KmsCall['method'], Method> {
  return {
    AsymmetricSign: (request) => asymmetricSign(key, request),
    GetPublicKey: (request) => getPublicKey(key, request),
    ListCryptoKeyVersions: (request) => listVersions(key, request),
    CreateCryptoKeyVersion(request) {
      const { parent } = z.parse(Parent, request);
      key.calls.push({ method: 'CreateCryptoKeyVersion', name: parent });
      return key.describeVersion(key.addVersion('PENDING_GENERATION'));
    },
    UpdateCryptoKeyVersion(request) {
      const { cryptoKeyVersion, updateMask } = z.parse(UpdateRequest, request);
      const { name, state } = cryptoKeyVersion;
      key.calls.push({ method: 'UpdateCryptoKeyVersion', name });
      if (updateMask.paths.join() !== 'state')
        throw new Failure(status.INVALID_ARGUMENT, 'Only the state can change.');
      key.versionAt(name).state = state;
      return key.describeVersion(name);
    },
  };
}

function asymmetricSign(key: CryptoKey, request: unknown): object {
  const { name, digest, digestCrc32c } = z.parse(SignRequest, request);
  const checksum = digestCrc32c ? Number(digestCrc32c.value) : undefined;
  key.calls.push({ method: 'AsymmetricSign', name, digest: digest.sha256, checksum });
  const { privateKey } = key.enabledVersionAt(name);
  const isRight = checksum === undefined || checksum === checksumOf(digest.sha256);
  if (!isRight || digest.sha256.length !== 32) {
    throw new Failure(status.INVALID_ARGUMENT, 'The digest does not match its checksum, or is too short.');
  }
  const signature = signDigest(digest.sha256, privateKey);
  const signatureCrc32c = { value: checksumOf(signature) + (key.isSpoiled('signature checksum') ? 1 : 0) };
  if (key.isSpoiled('signature bit')) {
    signature.writeUInt8(signature.readUInt8(7) ^ 1, 7);
    signatureCrc32c.value = checksumOf(signature);
  }
  return {
    name: key.isSpoiled('version name') ? versionName(99) : name,
    signature,
    signatureCrc32c,
    verifiedDigestCrc32c: checksum !== undefined && !key.isSpoiled('unverified digest'),
  };
}

function getPublicKey(key: CryptoKey, request: unknown): object {
  const { name } = z.parse(Name, request);
  key.calls.push({ method: 'GetPublicKey', name });
  const { privateKey, algorithm } = key.enabledVersionAt(name);
  const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return {
    name: key.isSpoiled('key name') ? versionName(99) : name,
    pem,
    algorithm,
    pemCrc32c: { value: checksumOf(Buffer.from(pem)) + (key.isSpoiled('key checksum') ? 1 : 0) },
  };
}

function listVersions(key: CryptoKey, request: unknown): object {
  const { parent, filter, pageToken } = z.parse(Parent, request);
  key.calls.push({ method: 'ListCryptoKeyVersions', name: parent });
  const state = /^state=(\w+)$/.exec(filter ?? '')?.[1];
  if (filter && state === undefined)
    throw new Failure(status.INVALID_ARGUMENT, 'this server does not support the filter');
  const names = [...key.versions.keys()].filter(
    (name) => state === undefined || key.versionAt(name).state === state,
  );
  const from = Number(pageToken || 0);
  return {
    cryptoKeyVersions: names.slice(from, from + PAGE).map((name) => key.describeVersion(name)),
    nextPageToken: from + PAGE < names.length ? String(from + PAGE) : '',
    totalSize: names.length,
  };
}

/** How the server reacts to calls. */
interface Traffic {
  /** Statuses with which the next calls fail. */
  readonly failures: status[];
  /** Promises that the next calls wait for. */
  readonly held: (() => Promise<void>)[];
  /** Connections on which clients made calls. */
  readonly peers: Set<string>;
  silenced: ReadonlySet<string>;
  isHung: boolean;
}

function answering(traffic: Traffic, answer: Method): handleUnaryCall<unknown, object> {
  return async (call, reply) => {
    const peer = call.getPeer();
    traffic.peers.add(peer);
    await traffic.held.shift()?.();
    if (traffic.isHung || traffic.silenced.has(peer)) return;
    try {
      const code = traffic.failures.shift();
      if (code !== undefined) throw new Failure(code, 'as the test asked for');
      reply(null, answer(call.request));
    } catch (error) {
      reply({ code: error instanceof Failure ? error.code : status.UNKNOWN, details: String(error) });
    }
  };
}

/** The service as Google's own proto files define it. */
function kmsService(): ServiceDefinition {
  const definition = loadSync('google/cloud/kms/v1/service.proto', {
    includeDirs: ['node_modules/@google-cloud/kms/build/protos', 'node_modules/google-gax/build/protos'],
    longs: String,
    enums: String,
    defaults: false,
  })['google.cloud.kms.v1.KeyManagementService'];
  if (!definition || 'format' in definition)
    throw new TypeError('the proto files contain no key management service');
  return definition;
}

function checksumOf(bytes: Uint8Array): number {
  return crc32c.buf(bytes) >>> 0;
}

/** DER prefix of the DigestInfo of a SHA-256 digest (RFC 8017 section 9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

function signDigest(digest: Buffer, key: KeyObject): Buffer {
  const padding = constants.RSA_PKCS1_PADDING;
  return privateEncrypt({ key, padding }, Buffer.concat([DIGEST_INFO, digest]));
}
