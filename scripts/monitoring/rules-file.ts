/**
 * The rules file of Prometheus, as far as this project uses it.
 * https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
 */
import { readFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export type Rule = RecordingRule | AlertingRule;

export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Rule[];
}

export interface RulesFile {
  readonly groups: readonly RuleGroup[];
}

/** The one hand-written source. */
export const RULES_FILE = 'monitoring/prometheus-rules.yaml';

export function readRules(): RulesFile {
  return parse(readFileSync(new URL(`../../${RULES_FILE}`, import.meta.url), 'utf8'), { merge: true }) as RulesFile;
}

/** Writes YAML as people would: expressions as blocks, no anchors, no folded lines; a comment first. */
export function writeYaml(comment: readonly string[], content: unknown): string {
  const text = stringify(content, { lineWidth: 0, aliasDuplicateObjects: false, blockQuote: 'literal' });
  return `${comment.map((line) => `# ${line}`.trimEnd()).join('\n')}\n${text}`;
}

export function isAlert(rule: Rule): rule is AlertingRule {
  return 'alert' in rule;
}

/** The same file with every rule changed. */
export function mapRules(file: RulesFile, change: (rule: Rule, group: RuleGroup) => Rule): RulesFile {
  return {
    groups: file.groups.map((group) => ({ ...group, rules: group.rules.map((rule) => change(rule, group)) })),
  };
}
