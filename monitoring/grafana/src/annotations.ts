/** What happened meanwhile, as marks on every curve. */
import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, ofRelease } from './query.ts';

/**
 * The first start of each build that runs, at its own time: a new version, a new commit of it, and the way back.
 * The oldest instance counts, so a rolling update is one mark, and a restart of one of several instances is none.
 */
export function deploys(): AnnotationQueryBuilder {
  const started = ofRelease('process_start_time_seconds');
  const builds = `on (namespace, job, instance) group_left (version, revision) ${ofRelease('build_info')}`;
  return annotation('Deploys', 'blue')
    .expr(`min by (namespace, job, version, revision) (${started} * ${builds}) * 1000`)
    .useValueForTime(true)
    .titleFormat('Deploy of {{job}}')
    .textFormat('{{version}} ({{revision}})')
    .tagKeys('namespace,job');
}

/** A flag that was overridden, reset, or changed by flagd, on any of the instances. */
export function flagChanges(): AnnotationQueryBuilder {
  const changes = `increase(${ofRelease('feature_flag_changes_total')}[$__rate_interval])`;
  return annotation('Flag changes', 'purple')
    .expr(`sum by (namespace, job, flag, action) (${changes}) > 0`)
    .titleFormat('Flag {{flag}}')
    .textFormat('{{action}}')
    .tagKeys('namespace,job');
}

export function alerts(): AnnotationQueryBuilder {
  return annotation('Alerts', 'red')
    .expr(ofRelease('ALERTS', 'alertstate="firing"', 'service="hello-world"'))
    .titleFormat('{{alertname}}')
    .textFormat('{{severity}}')
    .tagKeys('severity,namespace,job');
}

function annotation(name: string, colour: string): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder().name(name).datasource(DATASOURCE).enable(true).iconColor(colour);
}
