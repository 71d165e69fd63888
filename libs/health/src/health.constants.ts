/** Longest the database may take to answer: well within the 3 s in which `/readyz` answers whatever it does. */
export const DATABASE_TIMEOUT_MS = 2_000;
/** How long an answer of the database serves every probe: a storm of them costs it one query a second. */
export const DATABASE_CACHE_MS = 1_000;
/** Longest any check may take, if one of them should forget its own limit. */
export const CHECK_TIMEOUT_MS = 2_500;
/** Results older than this are asked for anew when somebody looks at the metric and nothing probes. */
export const STALE_RESULT_MS = 5_000;
