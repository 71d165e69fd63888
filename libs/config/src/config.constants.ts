import { Inject } from '@nestjs/common';

/** Token of the frozen {@link AppConfig}. */
export const APP_CONFIG = Symbol('APP_CONFIG');

/** Injects the whole configuration. */
export const InjectAppConfig = (): ParameterDecorator & PropertyDecorator => Inject(APP_CONFIG);
