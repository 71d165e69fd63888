import { ApiProperty } from '@nestjs/swagger';
import type { EffectiveFlag, FlagName } from '#libs/flags';
import { FLAG_VALUES_SCHEMA } from './admin.decorators.js';
import { OverridesDto } from './overrides.dto.js';

/** Answer of `GET /admin/flags`. */
export class FlagsStateDto extends OverridesDto {
  @ApiProperty({ ...FLAG_VALUES_SCHEMA, description: 'Defaults of the environment.' })
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
