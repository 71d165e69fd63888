/** Where an alert's links lead. Change them here and in monitoring/prometheus-rules.yaml: a test compares the two. */

/** Runbooks are read where the code is. The chart takes this from its values. */
export const RUNBOOKS_URL = 'https://github.com/example/hello-world/blob/main/monitoring/runbooks';

/** Grafana of `docker compose up`, for which the rules are written. */
export const LOCAL_GRAFANA_URL = 'http://localhost:3000';

/** Grafana of the platform: in the rules for `kubectl apply`. The chart takes it from its values. */
export const GRAFANA_URL = 'https://grafana.example.com';
