/** An alert that is pending or firing. */
export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
  /** Since when its expression holds. */
  readonly activeAt: string;
}

/** An alerting rule as Prometheus sees it. */
export interface AlertRule {
  readonly name: string;
  readonly query: string;
  /** Those it gives its alerts, as written: templates are not rendered. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its `for`, in seconds. */
  readonly duration: number;
  readonly state: 'inactive' | 'pending' | 'firing' | 'unknown';
  readonly health: 'ok' | 'unknown' | 'err';
  readonly lastError?: string;
  readonly alerts: readonly ActiveAlert[];
}

/** One series at one moment. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

interface Answer<T> {
  readonly status: 'success' | 'error';
  readonly error?: string;
  readonly data: T;
}

const TIMEOUT_MS = 10_000;

/** What the suite asks a running Prometheus (https://prometheus.io/docs/prometheus/latest/querying/api/). */
export class PrometheusApi {
  constructor(private readonly url: string) {}

  async alertRules(): Promise<AlertRule[]> {
    const { groups } = await this.get<{ groups: { rules: AlertRule[] }[] }>('rules?type=alert');
    return groups.flatMap(({ rules }) => rules);
  }

  /** The alerting rule with this name and severity. */
  async alertRule(name: string, severity: string): Promise<AlertRule> {
    const rules = await this.alertRules();
    const rule = rules.find((each) => each.name === name && each.labels['severity'] === severity);
    if (rule === undefined) throw new Error(`Prometheus has no alerting rule ${name} of severity ${severity}`);
    return rule;
  }

  async query(expression: string): Promise<Sample[]> {
    return (await this.get<{ result: Sample[] }>(`query?query=${encodeURIComponent(expression)}`)).result;
  }

  /** The value of an expression that has one; `undefined` where it has none. */
  async value(expression: string): Promise<number | undefined> {
    const [sample] = await this.query(expression);
    return sample === undefined ? undefined : Number(sample.value[1]);
  }

  private async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { status, error, data } = (await response.json()) as Answer<T>;
    if (status !== 'success') throw new Error(`Prometheus: ${error}: ${path}`);
    return data;
  }
}
