import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { FLAG_NAMES, FLAGS, type FlagChange, FlagsService } from '#libs/flags';
import { FLAG_CHANGES } from './metrics.constants.js';

const ACTIONS: readonly FlagChange['action'][] = ['override', 'reset', 'flagd'];

/** Counts the changes of flags. */
@Injectable()
export class FlagChanges implements OnApplicationShutdown {
  private readonly unsubscribe: () => void;

  constructor(flags: FlagsService, @InjectMetric(FLAG_CHANGES) changes: Counter<'flag' | 'action'>) {
    // From 0 on: a counter that appears with its first change shows no increase.
    for (const name of FLAG_NAMES) for (const action of ACTIONS) changes.inc({ flag: FLAGS[name], action }, 0);
    // Not in onModuleInit: the flags have theirs before us, and flagd's first answer is a change as well.
    this.unsubscribe = flags.onChange(({ flag, action }) => changes.inc({ flag: FLAGS[flag], action }));
  }

  onApplicationShutdown(): void {
    this.unsubscribe();
  }
}
