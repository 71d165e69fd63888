/** `google.protobuf.Value` and `Struct` as the gRPC library reads and writes them. */
interface ProtoValue {
  nullValue?: 'NULL_VALUE';
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  structValue?: ProtoStruct;
  listValue?: { values: ProtoValue[] };
}

export interface ProtoStruct {
  fields: Record<string, ProtoValue>;
}

export function toStruct(json: object): ProtoStruct {
  return { fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, toValue(value)])) };
}

export function fromStruct(struct: ProtoStruct | null | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(struct?.fields ?? {}).map(([key, value]) => [key, fromValue(value)]));
}

function toValue(value: unknown): ProtoValue {
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(toValue) } };
  if (typeof value === 'object' && value !== null) return { structValue: toStruct(value) };
  return { nullValue: 'NULL_VALUE' };
}

function fromValue(value: ProtoValue): unknown {
  if (value.structValue) return fromStruct(value.structValue);
  if (value.listValue) return value.listValue.values.map(fromValue);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}
