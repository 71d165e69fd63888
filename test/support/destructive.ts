import type { MigrationInterface, QueryRunner, TableColumn } from 'typeorm';

/** A migration that takes something away says here why no version that may still run misses it. */
export interface MigrationClass {
  new (): MigrationInterface;
  readonly contract?: string;
}

/** What the version before would stumble over, while both run or after a rollback. */
const DESTRUCTIVE: readonly RegExp[] = [
  /\bDROP\s+(TABLE|COLUMN|VIEW|MATERIALIZED|SCHEMA|TYPE|DOMAIN|EXTENSION|SEQUENCE|FUNCTION|PROCEDURE|TRIGGER|DEFAULT)\b/i,
  // `DROP name` without COLUMN drops a column too.
  /\bALTER\s+TABLE\b[^;]*\bDROP\s+(?!CONSTRAINT\b|NOT\b|IDENTITY\b|EXPRESSION\b)/i,
  /\bRENAME\b/i,
  /\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b/i,
  /\bSET\s+NOT\s+NULL\b/i,
  /\bADD\s+(COLUMN\s+)?(?!CONSTRAINT\b)(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT\s+NULL\b/i,
  /\bADD\s+(CONSTRAINT|UNIQUE|CHECK|PRIMARY|FOREIGN|EXCLUDE)\b/i,
  /\bCREATE\s+UNIQUE\s+INDEX\b/i,
  /\bENABLE\s+ROW\s+LEVEL\s+SECURITY\b/i,
  /\b(TRUNCATE|REVOKE)\b/i,
  /\bDELETE\s+FROM\b/i,
];
const DESTRUCTIVE_METHOD =
  /^(drop(?!Index|Indices)|rename|change|clear|updatePrimaryKeys|replace)|Constraint|create(Foreign|Primary)Key/;

/** What a migration does on its way up that the version before cannot live with: statements, or methods by name. */
export async function destructiveSteps(migration: MigrationInterface): Promise<string[]> {
  const steps: string[] = [];
  const runner = new Proxy(
    {},
    {
      get:
        (_target, method) =>
        (...args: readonly unknown[]): Promise<unknown[]> => {
          const name = String(method);
          if (name === 'query') steps.push(...destructiveStatements(String(args[0])));
          else if (DESTRUCTIVE_METHOD.test(name) || (/^addColumns?$/.test(name) && isRequired(args[1])))
            steps.push(name);
          return Promise.resolve([]);
        },
    },
  );
  await migration.up(runner as QueryRunner);
  return steps;
}

/** Whether one of the columns wants a value that the version before does not give. */
function isRequired(columns: unknown): boolean {
  return [columns as TableColumn | TableColumn[]]
    .flat()
    .some((column) => !column.isNullable && column.default === undefined && !column.isGenerated);
}

function destructiveStatements(sql: string): string[] {
  return withoutComments(sql)
    .split(';')
    .map((statement) => statement.replaceAll(/\s+/g, ' ').trim())
    .filter((statement) => DESTRUCTIVE.some((pattern) => pattern.test(statement)));
}

const withoutComments = (sql: string): string => sql.replaceAll(/--.*$/gm, '').replaceAll(/\/\*[^]*?\*\//g, '');
