import type { LoggerService } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Provider } from '@openfeature/server-sdk';
import { AppConfigModule, loadConfig } from '#libs/config';
import { FLAG_PROVIDER_SOURCE, type FlagChange, FlagsModule, FlagsService, FlagsStage } from '#libs/flags';

/** The flags library by itself, with what it logged. */
export interface RunningFlags {
  readonly flags: FlagsService;
  readonly stage: FlagsStage;
  readonly log: RecordingLogger;
  readonly module: TestingModule;
  readonly stop: () => Promise<void>;
}

export class RecordingLogger implements LoggerService {
  readonly lines: string[] = [];

  log = (message: unknown): number => this.lines.push(`info ${String(message)}`);
  warn = (message: unknown): number => this.lines.push(`warn ${String(message)}`);
  error = (message: unknown): number => this.lines.push(`error ${String(message)}`);
  fatal = (message: unknown): number => this.lines.push(`fatal ${String(message)}`);
  debug = (): undefined => undefined;
  verbose = (): undefined => undefined;

  /** Lines that hold `text`. */
  about(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }
}

/**
 * Starts the flags library.
 *
 * @param environment as for the service: `FLAGD_HOST` and so on
 * @param providers makes each provider; without it they are flagd's, by the environment
 */
export async function startFlags(
  environment: NodeJS.ProcessEnv,
  providers?: (attempt: number) => Provider,
  { local = false }: { local?: boolean } = {},
): Promise<RunningFlags> {
  const log = new RecordingLogger();
  const builder = Test.createTestingModule({
    imports: [AppConfigModule.forRoot(loadConfig(environment)), FlagsModule],
  });
  builder.setLogger(log);
  if (providers !== undefined)
    builder.overrideProvider(FLAG_PROVIDER_SOURCE).useValue({ description: 'the fake', local, create: providers });
  const module = await builder.compile();
  await module.init();
  const stop = async (): Promise<void> => {
    await module.close();
  };
  return { flags: module.get(FlagsService), stage: module.get(FlagsStage), log, module, stop };
}

/** Resolves with the next change that flagd makes; to be called before what causes it. */
export function flagdChange(flags: FlagsService, flag: FlagChange['flag']): Promise<void> {
  return new Promise((resolve) => {
    const end = flags.onChange((told) => {
      if (told.flag !== flag || told.action !== 'flagd') return;
      end();
      resolve();
    });
  });
}
