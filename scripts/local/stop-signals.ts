/**
 * npm passes a Ctrl-C on to its script, which got it from the terminal already: the same key press, so what comes
 * within this time is not taken for a second one.
 */
const SAME_PRESS_MS = 500;
const PARENT_POLL_MS = 1_000;

export interface StopSignals {
  /** Aborted by the first signal, which is its reason: stop in order. */
  readonly stop: AbortSignal;
  /** Aborted by a second one: stop at once. */
  readonly kill: AbortSignal;
  release(): void;
}

/** Listens for the signals that ask this process to end, and for the end of the npm that started it. */
export function listenForStop(): StopSignals {
  const stop = new AbortController();
  const kill = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (!stop.signal.aborted) {
      firstAt = performance.now();
      stop.abort(signal);
    } else if (performance.now() - firstAt > SAME_PRESS_MS) {
      kill.abort(signal);
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const watch = process.env['npm_lifecycle_event'] === undefined ? undefined : watchParent(() => onSignal('SIGTERM'));
  return {
    stop: stop.signal,
    kill: kill.signal,
    release() {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/** A killed npm cannot pass anything on, and would leave its script running unseen. */
function watchParent(onGone: () => void): NodeJS.Timeout {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_POLL_MS);
  return timer.unref();
}
