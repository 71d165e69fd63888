import { FlagdProvider } from '@openfeature/flagd-provider';

/** The part of the library's two gRPC transports that outlives their `disconnect`. */
interface Transport {
  listen?: () => void;
  handleError?: () => void;
}

const nothing = (): void => undefined;

/**
 * flagd's provider, with a close that is final.
 *
 * As of 0.16.1 a provider that is closed while its connection is down goes on reconnecting for ever
 * (https://github.com/open-feature/js-sdk-contrib/issues/1484), and one that is closed while it still reads its
 * file starts to watch it afterwards. This class may go, with its test, once the issue is solved.
 */
export class ClosableFlagdProvider extends FlagdProvider {
  #initialisation: Promise<void> | undefined;
  #initialised = false;

  /** Whether the provider has had flags to answer from. */
  get initialised(): boolean {
    return this.#initialised;
  }

  /** Connects, or reads the file; every further call gives the outcome of the first. */
  override initialize(): Promise<void> {
    this.#initialisation ??= super.initialize().then(() => {
      this.#initialised = true;
    });
    return this.#initialisation;
  }

  override async onClose(): Promise<void> {
    const service = this['_service'] as unknown as Transport & { readonly _dataFetcher?: Transport };
    for (const transport of [service, service['_dataFetcher']]) {
      if (transport?.listen === undefined) continue;
      transport.listen = nothing;
      transport.handleError = nothing;
    }
    const pending = this.#initialised ? undefined : this.#initialisation;
    await super.onClose();
    void pending?.then(() => super.onClose(), nothing);
  }
}
