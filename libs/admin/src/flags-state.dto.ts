import { ApiProperty } from '@nestjs/swagger';
import type { EffectiveFlag, FlagName, FlagOverrides } from '#libs/flags';

const FLAG_VALUES = {
  type: 'object',
  properties: { tracing: { type: 'boolean' }, metrics: { type: 'boolean' } },
  additionalProperties: false,
} as const;

/** Answer of a change: the overrides in force from then on. */
export class OverridesDto {
  @ApiProperty({ ...FLAG_VALUES, description: 'Overrides of this process; they end with it.' })
  overrides!: FlagOverrides;
}

/** Answer of `GET /admin/flags`. */
export class FlagsStateDto extends OverridesDto {
  @ApiProperty({ ...FLAG_VALUES, description: 'Defaults of the environment.' })
  defaults!: Readonly<Record<FlagName, boolean>>;

  @ApiProperty({
    type: 'object',
    description: 'What holds now, where it comes from, and why.',
    additionalProperties: {
      type: 'object',
      required: ['value', 'source', 'reason'],
      properties: {
        value: { type: 'boolean' },
        source: { type: 'string', enum: ['override', 'flagd', 'default'] },
        reason: { type: 'string', description: 'Resolution reason of OpenFeature.' },
      },
    },
  })
  effective!: Readonly<Record<FlagName, EffectiveFlag>>;

  @ApiProperty({ description: 'Name of the instance that answers; overrides belong to it alone.' })
  instance!: string;
}
