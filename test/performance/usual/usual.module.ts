import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { FlagdProvider } from '@openfeature/flagd-provider';
import { OpenFeatureModule } from '@openfeature/nestjs-sdk';
import { makeCounterProvider, makeHistogramProvider, PrometheusModule } from '@willsoto/nestjs-prometheus';
import type { FastifyRequest } from 'fastify';
import { LoggerModule } from 'nestjs-pino';
import { HelloController } from './hello.controller.js';
import { MetricsInterceptor } from './metrics.interceptor.js';

@Module({
  imports: [
    // The default, every path, matches none on this version of platform-fastify.
    LoggerModule.forRoot({ forRoutes: ['{*splat}'] }),
    OpenFeatureModule.forRoot({
      defaultProvider: new FlagdProvider({
        resolverType: 'in-process',
        offlineFlagSourcePath: process.env['FLAGD_OFFLINE_FLAG_SOURCE_PATH'] ?? '',
      }),
      contextFactory: (context) => {
        const request = context.switchToHttp().getRequest<FastifyRequest>();
        return { targetingKey: request.id, route: request.routeOptions.url ?? '', method: request.method };
      },
    }),
    PrometheusModule.register(),
  ],
  controllers: [HelloController],
  providers: [
    makeCounterProvider({
      name: 'http_requests_total',
      help: 'Requests.',
      labelNames: ['handler', 'method', 'status'],
    }),
    makeHistogramProvider({
      name: 'http_request_duration_seconds',
      help: 'Their duration.',
      labelNames: ['handler', 'method'],
    }),
    { provide: APP_INTERCEPTOR, useClass: MetricsInterceptor },
  ],
})
export class UsualModule {}
