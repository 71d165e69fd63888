/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Labels of the exemplar; OpenMetrics only. */
  readonly exemplar: Readonly<Record<string, string>> | undefined;
}

/** What follows one `# TYPE`. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const LABELS = String.raw`\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\}`;
const SAMPLE = new RegExp(String.raw`^([a-zA-Z_:][\w:]*)(${LABELS})? (\S+)(?: # (${LABELS}) (\S+) (\S+))?$`);
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

/**
 * Reads a scrape as strictly as the two specifications have it: every sample under its own family, families and
 * series only once, exemplars and `# EOF` in OpenMetrics only.
 *
 * @throws Error naming the line that is wrong
 */
export function parseExposition(text: string, format: 'classic' | 'openmetrics'): Map<string, Family> {
  const families = new Map<string, { name: string; help: string; type: string; samples: Sample[] }>();
  const series = new Set<string>();
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('no line break at the end');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no # EOF at the end');
  let family: { name: string; help: string; type: string; samples: Sample[] } | undefined;

  for (const line of lines) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line) ?? [];
    if (word === 'HELP') {
      if (families.has(name)) throw new Error(`a second family: ${line}`);
      family = { name, help: unescape(rest), type: 'untyped', samples: [] };
      families.set(name, family);
    } else if (word === 'TYPE' && family?.name === name && family.type === 'untyped') {
      family.type = rest;
    } else {
      const sample = parseSample(line);
      const total = family?.type === 'counter' && format === 'openmetrics' ? ['_total'] : [''];
      const suffixes = SUFFIXES[family?.type ?? ''] ?? total;
      if (!family || !suffixes.some((suffix) => sample.name === `${family?.name}${suffix}`))
        throw new Error(`no sample of ${family?.name}: ${line}`);
      if (format === 'classic' && sample.exemplar) throw new Error(`an exemplar in the classic format: ${line}`);
      const labels = Object.entries(sample.labels).sort(([a], [b]) => (a < b ? -1 : 1));
      const key = JSON.stringify([sample.name, labels]);
      if (series.has(key)) throw new Error(`a second time: ${line}`);
      series.add(key);
      family.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  const value = Number(match?.[3]?.replace(/Inf$/, 'Infinity'));
  if (!match || (Number.isNaN(value) && match[3]?.toLowerCase() !== 'nan')) throw new Error(`not a sample: ${line}`);
  const exemplar = match[4] === undefined ? undefined : parseLabels(match[4]);
  return { name: match[1] ?? '', labels: parseLabels(match[2] ?? ''), value, exemplar };
}

function parseLabels(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name, value]) => [name, unescape(value ?? '')]));
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
