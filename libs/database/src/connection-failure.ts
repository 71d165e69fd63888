/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) and system errors, in words. */
const WORDS: Readonly<Record<string, string>> = {
  '28000': 'not allowed to connect',
  '28P01': 'authentication failed',
  '3D000': 'no such database',
  '42501': 'not permitted',
  '53300': 'too many connections',
  '55P03': 'lock not available in time',
  '57014': 'statement timeout',
  '57P01': 'server shutting down',
  '57P02': 'server crashed',
  '57P03': 'server starting up or shutting down',
  EAI_AGAIN: 'name resolution failed',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOENT: 'no such socket',
  ENOTFOUND: 'host not found',
  ETIMEDOUT: 'no answer in time',
};

/** Codes that say that no server is there yet, or not for us: waiting may help. */
const ABSENT_CODES = /^(E[A-Z_]+|53300|57P0[123]|08\d{3})$/;
/** `pg` gives these no code. */
const NO_ANSWER = /time(d )?out|timeout expired|read timeout/i;
const CUT_OFF = /terminated|establishing an SSL connection/i;
/** A certificate that is not accepted will not be accepted a second later either. */
const TLS_CODES = /^ERR_|CERT/;

/**
 * Why talking to the database failed, in a few words: safe to show to whoever asks for readiness, as it names neither
 * user nor host, let alone a password.
 */
export function failureReason(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined) return code in WORDS ? `${WORDS[code]} (${code})` : code;
  const message = error instanceof Error ? error.message : String(error);
  if (NO_ANSWER.test(message)) return 'no answer in time';
  if (CUT_OFF.test(message)) return 'connection cut off';
  // Our own errors wrap the driver's, and say more than is anyone's business.
  if (error instanceof Error && error.cause !== undefined) return failureReason(error.cause);
  return message;
}

/** Whether the server is not there (yet), rather than there and refusing. */
export function isServerAbsent(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== undefined) return ABSENT_CODES.test(code) && !TLS_CODES.test(code);
  const message = error instanceof Error ? error.message : '';
  return NO_ANSWER.test(message) || CUT_OFF.test(message);
}

/** Whether the server did not accept the user and password. */
export function isAuthenticationFailure(error: unknown): boolean {
  const code = codeOf(error);
  return code === '28P01' || code === '28000';
}

/** Whether a lock was not given within `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === '55P03';
}

/** Whether a table does not exist. */
export function isUndefinedTable(error: unknown): boolean {
  return codeOf(error) === '42P01';
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
