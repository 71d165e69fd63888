/**
 * The same duties by the packages of the stack, put together as their READMEs say: an access log by nestjs-pino's
 * middleware, flags by OpenFeature's module, its interceptor and its client, metrics by an interceptor. Traces are
 * `--import`ed (tracing.ts).
 */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { UsualModule } from './usual.module.js';

const app = await NestFactory.create<NestFastifyApplication>(UsualModule, new FastifyAdapter(), { bufferLogs: true });
app.useLogger(app.get(Logger));
app.enableShutdownHooks();
await app.listen(Number(process.env['PORT']), '127.0.0.1');
