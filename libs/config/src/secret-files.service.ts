import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { AppConfig } from './app-config.js';
import { InjectAppConfig } from './config.constants.js';
import type { SecretValue } from './secret-value.js';

/** How often the files are looked at, in milliseconds. What is in them holds at once, whoever looks. */
const LOOK_INTERVAL_MS = 2_000;

/** Tells the log of secrets that came by a file: that one has changed, or that its file cannot be used any more. */
@Injectable()
export class SecretFiles implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Secrets');
  private timer: NodeJS.Timeout | undefined;

  constructor(@InjectAppConfig() private readonly config: AppConfig) {}

  onModuleInit(): void {
    const { admin, database } = this.config;
    const looks = [this.lookAt('ADMIN_TOKEN_FILE', admin.token), this.lookAt('DATABASE_URL_FILE', database.url)];
    if (looks.every((look) => look === undefined)) return;
    this.timer = setInterval(() => {
      for (const look of looks) look?.();
    }, LOOK_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** What looks once more and tells of what is new; `undefined` for a secret that is in no file. */
  private lookAt(key: string, secret: SecretValue | undefined): (() => void) | undefined {
    if (secret?.path === undefined) return undefined;
    let value = secret.reveal();
    let problem: string | undefined;
    return () => {
      const before = problem;
      problem = secret.problem();
      if (problem !== undefined && problem !== before)
        this.logger.warn(`${key} cannot be used any more (${problem}): its last good value holds until it can`);
      if (problem === undefined && secret.reveal() !== value) {
        value = secret.reveal();
        this.logger.log(`${key} has changed: its new value is in use`);
      }
    };
  }
}
