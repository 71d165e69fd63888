/** What a log line tells of an error. Nothing else of it: its other fields hold queries, parameters, rows and headers. */
export interface ErrorDescription {
  /** Name of its class. */
  readonly type: string;
  readonly message: string;
  /** Of the system, of Postgres (SQLSTATE), of a library. */
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
  /** The errors of an `AggregateError`. */
  readonly aggregateErrors?: readonly ErrorDescription[];
}

/** Causes of causes, and the errors of an aggregate, all together: a line has an end, also where they form a circle. */
const MAX_ERRORS = 10;

/**
 * Data exceptions of Postgres (https://www.postgresql.org/docs/current/errcodes-appendix.html): the messages that
 * quote the value at fault. Those of other classes quote names only, of a table or a constraint.
 */
const SQLSTATE_DATA_EXCEPTION = /^22[0-9A-Z]{3}$/;
/** As the languages of Postgres begin a quotation. */
const QUOTATION = /["'«»„“”‘’「].*/s;

/** The error as a log line may show it, with its causes, at most ten errors together. */
export function describeError(error: Error): ErrorDescription {
  let left = MAX_ERRORS;

  const describe = (each: Error): ErrorDescription => {
    left--;
    const { message, code, stack, cause, errors } = each as Error & {
      readonly code?: unknown;
      readonly errors?: unknown;
    };
    const shown = typeof code === 'string' && SQLSTATE_DATA_EXCEPTION.test(code) ? withoutValue(message) : message;
    return {
      type: each.constructor.name,
      message: shown,
      ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
      // A stack begins with the message.
      ...(typeof stack === 'string' ? { stack: stack.replaceAll(message || '\0', () => shown) } : {}),
      ...(cause instanceof Error && left > 0 ? { cause: describe(cause) } : {}),
      ...(Array.isArray(errors) ? { aggregateErrors: describeAll(errors) } : {}),
    };
  };
  const describeAll = (errors: readonly unknown[]): ErrorDescription[] => {
    const described: ErrorDescription[] = [];
    for (const each of errors) if (each instanceof Error && left > 0) described.push(describe(each));
    return described;
  };
  return describe(error);
}

function withoutValue(message: string): string {
  return message.replace(QUOTATION, '[redacted]');
}
