import type { Logger } from '@nestjs/common';
import type { FlagdProvider } from '@openfeature/flagd-provider';
import type { FlagdConfig } from '#libs/config';
import { ClosableFlagdProvider } from './closable-flagd.provider.js';
import type { ProviderSource } from './provider-source.js';

type FlagdProviderOptions = NonNullable<ConstructorParameters<typeof FlagdProvider>[0]>;

/** Longest wait for a connection to flagd. Apart from the deadline of an evaluation: no request waits for this one. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Pause after a failed call or stream. */
const RETRY_BACKOFF_MAX_MS = 1_000;
/** How many different first pauses {@link retryBackoffMs} knows before it starts over. */
const DISTINCT_BACKOFFS = 60;

/** Where flag providers come from, by flagd's three resolvers. */
export function flagdSource(config: FlagdConfig, logger: Logger): ProviderSource {
  const description = describe(config);
  return {
    description,
    local: config.resolver !== 'rpc',
    create(attempt) {
      const provider = new ClosableFlagdProvider(flagdOptions(config, attempt), {
        // The library repeats its errors at every attempt. The states of the provider are logged once, in one place.
        error: (message: unknown) => {
          if (config.resolver !== 'file' || !provider.initialised) return logger.debug(message);
          return logger.warn(
            `${description} was changed and cannot be used; the last good flags hold: ${String(message)}`,
          );
        },
        warn: (message: unknown) => logger.warn(message),
        info: (message: unknown) => logger.debug(message),
        debug: (message: unknown) => logger.debug(message),
      });
      return provider;
    },
  };
}

function describe({ resolver, host, port, offlineFlagSourcePath }: FlagdConfig): string {
  return resolver === 'file' ? `flags file ${offlineFlagSourcePath}` : `flagd (${resolver}, ${host}:${port})`;
}

/**
 * The options of flagd's provider. What is not named here it takes from `FLAGD_*` keys itself; what is named wins
 * over them, an `undefined` too.
 */
export function flagdOptions(config: FlagdConfig, attempt: number): FlagdProviderOptions {
  const options: { [K in keyof FlagdProviderOptions]: FlagdProviderOptions[K] | undefined } = {
    // As of 0.16.1 the library takes the resolver `file` for `rpc`: a file is an in-process source to it. May go once
    // it knows all resolvers of flagd's specification (https://github.com/open-feature/js-sdk-contrib/issues/1096).
    resolverType: config.resolver === 'rpc' ? 'rpc' : 'in-process',
    offlineFlagSourcePath: config.resolver === 'file' ? config.offlineFlagSourcePath : undefined,
    host: config.host ?? 'localhost',
    port: config.port,
    tls: config.tls,
    // Our rule decides what is kept, and for how long: docs/decisions tells why.
    cache: 'disabled',
    deadlineMs: CONNECT_TIMEOUT_MS,
    retryBackoffMs: retryBackoffMs(attempt),
    retryBackoffMaxMs: RETRY_BACKOFF_MAX_MS,
  };
  return options as FlagdProviderOptions;
}

/**
 * Differs from attempt to attempt, so that each gets a connection of its own. gRPC shares one between clients of
 * equal options, and with it the pause before it connects again, which grows to two minutes. The library rounds to
 * whole seconds.
 *
 * gRPC has an option for that pause, `grpc.max_reconnect_backoff_ms`, but as of 0.16.1 the library neither sets it nor
 * lets us set it (https://github.com/open-feature/flagd/issues/1472). Once it does, a constant will do here.
 */
function retryBackoffMs(attempt: number): number {
  return 1_000 * (1 + (attempt % DISTINCT_BACKOFFS));
}
