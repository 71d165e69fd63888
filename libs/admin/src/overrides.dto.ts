import { ApiProperty } from '@nestjs/swagger';
import type { FlagOverrides } from '#libs/flags';
import { FLAG_VALUES_SCHEMA } from './admin.decorators.js';

/** Answer of a change: the overrides in force from then on. */
export class OverridesDto {
  @ApiProperty({ ...FLAG_VALUES_SCHEMA, description: 'Overrides of this process; they end with it.' })
  overrides!: FlagOverrides;
}
