import { applyDecorators } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { FLAG_NAMES } from '#libs/flags';

/** Values of flags by name, and no others, as a schema of OpenAPI. */
export const FLAG_VALUES_SCHEMA = {
  type: 'object' as const,
  properties: Object.fromEntries(FLAG_NAMES.map((name) => [name, { type: 'boolean' as const }])),
  additionalProperties: false,
};

/** Describes one query parameter for each flag. */
export const ApiFlagQueries = (): MethodDecorator =>
  applyDecorators(...FLAG_NAMES.map((name) => ApiQuery({ name, required: false, schema: { type: 'boolean' } })));
