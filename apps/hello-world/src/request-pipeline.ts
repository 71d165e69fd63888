import { FlagsStage } from '#libs/flags';
import { type RequestPipeline, ResponseHeadersStage } from '#libs/http';
import { AccessLogStage } from '#libs/logging';
import { MetricsStage } from '#libs/metrics';
import { TracingStage } from '#libs/telemetry';

/**
 * The way of one request, top to bottom. Around these stages: `libs/http` opens the request's context before the
 * first, and Nest runs guard, pipe and handler between `onRequest` and `onSend`.
 */
export const requestPipeline: RequestPipeline = {
  onRequest: [FlagsStage, TracingStage],
  onSend: [ResponseHeadersStage],
  onResponse: [MetricsStage, TracingStage, AccessLogStage],
};
