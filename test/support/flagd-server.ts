import { join } from 'node:path';
import {
  type GrpcObject,
  loadPackageDefinition,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { FlagdCore } from '@openfeature/flagd-core';
import { type FlagDefinitions, flagsFile } from './flagd/flag-definitions.js';
import type { FlagdUnderTest } from './flagd/flagd-under-test.js';
import { fromStruct, type ProtoStruct, toStruct } from './flagd/proto-struct.js';

/**
 * How the server treats its clients: `hang` accepts every call and leaves it without an answer until it behaves
 * again; the rest are lies.
 */
export type FlagdBehaviour = 'answer' | 'hang' | 'no value' | 'garbage' | 'internal error';

type ResolveCall = ServerUnaryCall<{ flagKey: string; context?: ProtoStruct }, unknown>;
type StreamCall = ServerWritableStream<unknown, unknown>;

/** A byte that begins no message of protobuf: a field of the wire type 7. */
const GARBAGE = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x07]);
const STATUS_OF_ERROR: Readonly<Record<string, status>> = {
  FLAG_NOT_FOUND: status.NOT_FOUND,
  TYPE_MISMATCH: status.INVALID_ARGUMENT,
  PARSE_ERROR: status.DATA_LOSS,
};

/** A flagd for tests: OpenFeature's own engine behind flagd's two protocols, evaluation (rpc) and sync (in-process). */
export class FlagdServer implements FlagdUnderTest {
  evaluationPort = 0;
  syncPort = 0;
  #servers: Server[] = [];
  #core = new FlagdCore();
  #configuration = '';
  #behaviour: FlagdBehaviour = 'answer';
  #parked: (() => void)[] = [];
  readonly #eventStreams = new Set<StreamCall>();
  readonly #syncStreams = new Set<StreamCall>();
  readonly #evaluations: string[] = [];

  private constructor(flags: FlagDefinitions) {
    this.#load(flags);
  }

  /** Listens on two free ports of the loopback address. */
  static async start(flags: FlagDefinitions): Promise<FlagdServer> {
    const server = new FlagdServer(flags);
    await server.restart();
    return server;
  }

  /** How often a flag was asked for by rpc. */
  evaluations(flagKey: string): number {
    return this.#evaluations.filter((key) => key === flagKey).length;
  }

  /** Clients whose stream is open. */
  get connections(): number {
    return this.#eventStreams.size + this.#syncStreams.size;
  }

  /** Changes the flags and tells every client. */
  setFlags(flags: FlagDefinitions): void {
    const changed = this.#load(flags);
    const event = {
      type: 'configuration_change',
      data: toStruct({ flags: Object.fromEntries(changed.map((key) => [key, {}])) }),
    };
    for (const stream of this.#eventStreams) this.#whenAwake(() => stream.write(event));
    for (const stream of this.#syncStreams) this.#whenAwake(() => this.#sync(stream));
  }

  behave(behaviour: FlagdBehaviour): void {
    this.#behaviour = behaviour;
    if (behaviour === 'hang') return;
    const parked = this.#parked;
    this.#parked = [];
    for (const resume of parked) resume();
  }

  /** Sends a configuration that no engine can read to the in-process clients. */
  pushGarbage(): void {
    for (const stream of this.#syncStreams) stream.write({ flagConfiguration: '{ "flags": ' });
  }

  /** Dies: every connection breaks at once. */
  stop(): void {
    for (const server of this.#servers) server.forceShutdown();
    this.#servers = [];
    this.#parked = [];
    this.#eventStreams.clear();
    this.#syncStreams.clear();
  }

  /** Comes back on the same ports. */
  async restart(flags?: FlagDefinitions): Promise<void> {
    this.#behaviour = 'answer';
    if (flags !== undefined) this.#load(flags);
    this.evaluationPort = await this.#listen(
      this.evaluationPort,
      serviceOf('evaluation.proto', 'flagd.evaluation.v2.Service'),
      {
        resolveBoolean: (call: ResolveCall, callback: sendUnaryData<unknown>) =>
          this.#whenAwake(() => this.#resolve(call, callback)),
        eventStream: (stream: StreamCall) =>
          this.#open(stream, this.#eventStreams, () => stream.write({ type: 'provider_ready' })),
      },
    );
    this.syncPort = await this.#listen(this.syncPort, serviceOf('sync.proto', 'flagd.sync.v1.FlagSyncService'), {
      syncFlags: (stream: StreamCall) => this.#open(stream, this.#syncStreams, () => this.#sync(stream)),
      fetchAllFlags: (_call: unknown, callback: sendUnaryData<unknown>) =>
        this.#whenAwake(() => callback(null, { flagConfiguration: this.#configuration })),
      getMetadata: (_call: unknown, callback: sendUnaryData<unknown>) =>
        this.#whenAwake(() => callback(null, { metadata: toStruct({}) })),
    });
  }

  #load(flags: FlagDefinitions): string[] {
    this.#configuration = flagsFile(flags);
    return this.#core.setConfigurations(this.#configuration);
  }

  async #listen(port: number, service: ServiceDefinition, handlers: object): Promise<number> {
    const server = new Server();
    this.#servers.push(server);
    server.addService(service, handlers as Parameters<Server['addService']>[1]);
    return new Promise((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  #open(stream: StreamCall, streams: Set<StreamCall>, greet: () => void): void {
    streams.add(stream);
    stream.on('close', () => streams.delete(stream));
    stream.on('cancelled', () => streams.delete(stream));
    stream.on('error', () => streams.delete(stream));
    this.#whenAwake(greet);
  }

  #sync(stream: StreamCall): void {
    const flagConfiguration = this.#behaviour === 'garbage' ? '{ "flags": ' : this.#configuration;
    stream.write({ flagConfiguration, syncContext: toStruct({}) });
  }

  #resolve({ request }: ResolveCall, callback: sendUnaryData<unknown>): void {
    this.#evaluations.push(request.flagKey);
    if (this.#behaviour === 'no value') return callback(null, { reason: 'STATIC', variant: 'on' });
    if (this.#behaviour === 'garbage') return callback(null, GARBAGE);
    if (this.#behaviour === 'internal error') return callback({ code: status.INTERNAL, details: 'a lie' });

    const context = fromStruct(request.context) as Parameters<FlagdCore['resolveBooleanEvaluation']>[2];
    const { errorCode, errorMessage, value, variant, reason } = this.#core.resolveBooleanEvaluation(
      request.flagKey,
      false,
      context,
    );
    if (errorCode !== undefined)
      return callback(
        { code: STATUS_OF_ERROR[errorCode] ?? status.INTERNAL, details: errorMessage ?? errorCode },
        null,
      );
    return callback(null, variant === undefined ? { reason } : { value, reason, variant });
  }

  #whenAwake(work: () => void): void {
    if (this.#behaviour === 'hang') this.#parked.push(work);
    else work();
  }
}

/** The service of one of our protocol files, able to send bytes that are no message. */
function serviceOf(file: string, name: string): ServiceDefinition {
  const packages = loadPackageDefinition(loadSync(join(import.meta.dirname, 'flagd', file)));
  const { service } = name
    .split('.')
    .reduce<GrpcObject>((at, part) => at[part] as GrpcObject, packages) as unknown as ServiceClientConstructor;
  return Object.fromEntries(Object.entries(service).map(([key, method]) => [key, sendingBytes(method)]));
}

function sendingBytes(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, unknown> {
  return {
    ...method,
    responseSerialize: (message) => (Buffer.isBuffer(message) ? message : method.responseSerialize(message)),
  };
}
