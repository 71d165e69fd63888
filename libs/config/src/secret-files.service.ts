import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { AppConfig } from './app-config.js';
import { InjectAppConfig } from './config.constants.js';
import type { SecretValue } from './secret-value.js';

/** Tells the log of secrets that came by a file: that one has changed, or that its file cannot be used any more. */
@Injectable()
export class SecretFiles implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Secrets');
  private readonly stopWatching: (() => void)[] = [];

  constructor(@InjectAppConfig() private readonly config: AppConfig) {}

  onModuleInit(): void {
    const { admin, database } = this.config;
    this.watch('ADMIN_TOKEN_FILE', admin.token, 'its new value is in use');
    this.watch('DATABASE_URL_FILE', database.url, 'a new password in it is in use, nothing else is');
  }

  onApplicationShutdown(): void {
    for (const stop of this.stopWatching.splice(0)) stop();
  }

  private watch(key: string, secret: SecretValue | undefined, consequence: string): void {
    if (secret === undefined) return;
    const stop = secret.onChange(
      () => this.logger.log(`${key} has changed: ${consequence}`),
      (problem) =>
        this.logger.warn(`${key} cannot be used any more (${problem}): its last good value holds until it can`),
    );
    this.stopWatching.push(stop);
  }
}
