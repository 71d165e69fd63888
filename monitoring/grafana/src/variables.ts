/** What the reader chooses at the top. Links of alerts fill them: `?var-namespace=…&var-job=…`. */
import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE } from './query.ts';

/** The jobs that are this service, however a release is called. */
const SERVICE = 'job=~".*hello-world.*"';

const ALL = { text: 'All', value: '$__all' };

export function datasource(): DatasourceVariableBuilder {
  return new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');
}

/** One at a time: two environments in one curve would tell of neither. */
export function namespace(): QueryVariableBuilder {
  return labelValues('namespace', SERVICE).label('Namespace');
}

/** One release, for what can't be added up. */
export function job(): QueryVariableBuilder {
  return labelValues('job', `${SERVICE}, namespace="$namespace"`).label('Job');
}

export function jobs(): QueryVariableBuilder {
  return severalOf(job());
}

export function instances(): QueryVariableBuilder {
  // `.*`: also those that have ended within the time that is shown.
  const instance = labelValues('instance', `${SERVICE}, namespace="$namespace", job=~"$job"`).label('Instance');
  return severalOf(instance).allValue('.*');
}

/** `up` is there as long as the target is, metrics on or off. */
function labelValues(label: string, matchers: string): QueryVariableBuilder {
  const definition = `label_values(up{${matchers}}, ${label})`;
  return new QueryVariableBuilder(label)
    .datasource(DATASOURCE)
    .query({ query: definition, refId: label })
    .definition(definition)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}

function severalOf(variable: QueryVariableBuilder): QueryVariableBuilder {
  return variable.multi(true).includeAll(true).current(ALL);
}
