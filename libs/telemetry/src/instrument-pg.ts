import type { Span } from '@opentelemetry/api';

/**
 * Makes the `pg` package start a client span for each query inside a traced request. As long as no tracer provider is
 * registered, or outside of a traced request, nothing is made.
 *
 * The instrumentation would wait for somebody to `require('pg')`, and so must come before TypeORM, which no ES module
 * can promise of its neighbours. Its patch works on the prototype of the client, so it is applied to the loaded module
 * instead, and the order no longer matters. Once a loaded module can be handed to an instrumentation
 * (https://github.com/open-telemetry/opentelemetry-js/issues/2708) the look into its definitions may go.
 *
 * @returns takes the patch off again
 */
export async function instrumentPg(): Promise<() => void> {
  const [{ PgInstrumentation }, { default: pg }] = await Promise.all([
    import('@opentelemetry/instrumentation-pg'),
    import('pg'),
  ]);
  const instrumentation = new PgInstrumentation({
    // Not by its own hooks into the module loader, see above.
    enabled: false,
    requireParentSpan: true,
    // Parameters are data of users.
    enhancedDatabaseReporting: false,
    // Waiting for a connection is told by the pool's metrics.
    ignoreConnectSpans: true,
    requestHook: withholdErrorMessages,
  });
  const definition = instrumentation.getModuleDefinitions().find(({ name }) => name === 'pg');
  if (definition?.patch === undefined) throw new Error('@opentelemetry/instrumentation-pg has no patch for pg');
  definition.patch(pg);
  return () => {
    definition.unpatch?.(pg);
  };
}

/**
 * Postgres quotes values in its messages (`invalid input syntax for type bigint: "…"`); the SQLSTATE stays, in the
 * exception event. For that event the instrumentation withholds them by itself
 * (https://github.com/open-telemetry/opentelemetry-js-contrib/pull/3182), as of 0.77.0 not yet for the span's status;
 * this may go once it does.
 */
function withholdErrorMessages(span: Span): void {
  const setStatus = span.setStatus.bind(span);
  span.setStatus = ({ code }) => setStatus({ code });
}
