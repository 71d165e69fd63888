import { join } from 'node:path';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';

type AttributeValue = string | number | boolean | readonly AttributeValue[];

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A span as it arrived, with the resource and the scope it came under. Ids are hex; no parent is an empty string. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly status: { readonly code: string; readonly message: string };
  readonly durationMs: number;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly scope: string;
  readonly resource: Attributes;
}

interface AnyValue {
  readonly value: 'stringValue' | 'boolValue' | 'intValue' | 'doubleValue' | 'arrayValue';
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly AnyValue[] };
}

interface KeyValue {
  readonly key: string;
  readonly value: AnyValue;
}

interface Span {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly name: string;
  readonly kind: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly { readonly name: string; readonly attributes: readonly KeyValue[] }[];
  readonly status: { readonly code: string; readonly message: string } | null;
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Span[] }[];
  }[];
}

const service = loadSync(join(import.meta.dirname, 'trace.proto'), {
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
})['otlp.TraceService'] as ServiceDefinition;

/** Reads an `ExportTraceServiceRequest` by a protobuf library of its own: the SDK's serializer does not judge itself. */
export function decodeTraces(body: Buffer): ReceivedSpan[] {
  const request = service['Export']!.requestDeserialize(body) as ExportRequest;
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: span.traceId.toString('hex'),
        spanId: span.spanId.toString('hex'),
        parentSpanId: span.parentSpanId.toString('hex'),
        traceState: span.traceState,
        name: span.name,
        kind: span.kind,
        status: span.status ?? { code: 'UNSET', message: '' },
        durationMs: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        attributes: attributesOf(span.attributes),
        events: span.events.map((event) => ({ name: event.name, attributes: attributesOf(event.attributes) })),
        scope: scope.name,
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

function attributesOf(pairs: readonly KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(any: AnyValue): AttributeValue {
  switch (any.value) {
    case 'stringValue':
      return any.stringValue ?? '';
    case 'boolValue':
      return any.boolValue ?? false;
    case 'intValue':
      return Number(any.intValue);
    case 'doubleValue':
      return any.doubleValue ?? 0;
    case 'arrayValue':
      return (any.arrayValue?.values ?? []).map(valueOf);
  }
}
