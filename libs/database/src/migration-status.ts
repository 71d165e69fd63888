import { migrations } from '#migrations';

/** How the migrations applied to a database differ from those of this build. */
export interface MigrationStatus {
  /** In this build, not applied: the service must not serve yet. */
  readonly pending: string[];
  /** Applied, but not in this build: a newer release has run. */
  readonly unknown: string[];
}

/** @param applied names in the table `migrations`: the names of the classes. */
export function compareMigrations(applied: readonly string[]): MigrationStatus {
  const known = migrations.map(({ name }) => name);
  return {
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}
