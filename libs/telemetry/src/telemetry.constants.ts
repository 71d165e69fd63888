/** Spans that may wait for export; more are dropped and counted. `OTEL_BSP_MAX_QUEUE_SIZE` changes it. */
export const MAX_QUEUED_SPANS = 2_048;

/** Most spans in one export. `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` changes it. */
export const MAX_SPANS_PER_EXPORT = 512;

/** Longest a finished span waits for company before it is exported. `OTEL_BSP_SCHEDULE_DELAY` changes it. */
export const EXPORT_DELAY_MS = 5_000;

/**
 * A second guard over each export: the exporter's own limit (10 s with its retries, `OTEL_EXPORTER_OTLP_TIMEOUT`
 * changes it) comes first, and says more. `OTEL_BSP_EXPORT_TIMEOUT` changes this one.
 */
export const EXPORT_GUARD_MS = 30_000;

/** Longest the shutdown waits for the last spans to leave; well within any `SHUTDOWN_TIMEOUT_MS`. */
export const SHUTDOWN_FLUSH_TIMEOUT_MS = 3_000;

/** Longest text an attribute keeps, in characters: a client chooses its `User-Agent`, the queue must stay small. */
export const MAX_ATTRIBUTE_LENGTH = 4_096;

/** The same complaint is logged once in this time. */
export const LOG_INTERVAL_MS = 60_000;
