import { Injectable, Logger, Module, type OnModuleInit } from '@nestjs/common';
import { run } from '../../apps/hello-world/src/run.js';
import { TerminationSignals } from '../../apps/hello-world/src/termination-signals.js';
import { FaultyModule } from './faulty.module.js';

/** The service with {@link FaultyModule} in it, and with a start that fails or never ends where asked for. */
const [fault] = process.argv.slice(2);

@Injectable()
class FaultyStart implements OnModuleInit {
  async onModuleInit(): Promise<void> {
    if (fault === '--fail-to-start') throw new Error('this cannot be built');
    new Logger('Faulty').log('start reached');
    if (fault === '--never-start') await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
}

@Module({ imports: [FaultyModule], providers: [FaultyStart] })
class FaultyMainModule {}

await run([], new TerminationSignals(), [FaultyMainModule]);
