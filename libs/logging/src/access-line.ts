import type { ServiceConfig } from '#libs/config';

/** Characters that JSON escapes, and halves of surrogate pairs, which it may have to. */
const TO_ESCAPE = /["\\\p{Cc}\p{Cs}]/u;
const SECOND_MS = 1_000;
/** `000Z` to `999Z`. */
const MILLISECONDS = Array.from({ length: SECOND_MS }, (_, ms) => `${String(ms).padStart(3, '0')}Z`);

/** What an access line tells of one request; `undefined` leaves a field out. */
export interface AccessFields {
  readonly request_id: string;
  readonly trace_id: string | undefined;
  readonly span_id: string | undefined;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** Milliseconds, to three digits. */
  readonly duration_ms: number;
  readonly remote_address: string | undefined;
  readonly user_agent: string | undefined;
}

/**
 * Writes access lines as pino would, key for key. pino looks at each value anew to find out what it is, which costs more
 * than all other stages of a request together (decision 0017); here that is known before.
 */
export class AccessLine {
  private readonly service: string;
  private second = Number.NaN;
  private secondText = '';

  constructor({ name, version, environment }: ServiceConfig) {
    this.service = `"${text('service', name)}${text('version', version)}${text('environment', environment)}`;
  }

  /** The line of a request that ended now, with its line break. */
  write(fields: AccessFields): string {
    return (
      `{"level":"info","time":"${this.now()}${this.service}` +
      text('request_id', fields.request_id) +
      text('trace_id', fields.trace_id) +
      text('span_id', fields.span_id) +
      text('method', fields.method) +
      text('route', fields.route) +
      `,"status":${fields.status},"duration_ms":${fields.duration_ms}` +
      text('remote_address', fields.remote_address) +
      text('user_agent', fields.user_agent) +
      ',"msg":"request"}\n'
    );
  }

  /** The time as in RFC 3339. All but its milliseconds is written once a second. */
  private now(): string {
    const now = Date.now();
    const ms = now - this.second;
    if (ms >= 0 && ms < SECOND_MS) return `${this.secondText}${MILLISECONDS[ms]}`;
    this.second = now - (now % SECOND_MS);
    this.secondText = new Date(this.second).toISOString().slice(0, -'000Z'.length);
    return this.now();
  }
}

function text(key: string, value: string | undefined): string {
  if (value === undefined) return '';
  return TO_ESCAPE.test(value) ? `,"${key}":${JSON.stringify(value)}` : `,"${key}":"${value}"`;
}
