/**
 * The kinds of fields that answers have. A field's schema says what it means and how it is written, and `answerOf` writes rows by it:
 * the OpenAPI document and the answers cannot differ, because both are made of the same schema.
 */
import { Decimal } from 'decimal.js';
import { Type } from 'typebox';
import type { Static, TObject, TProperties, TSchema } from 'typebox';

export const text = (description: string) => Type.String({ description });
export const flag = (description: string) => Type.Boolean({ description });
export const integer = (description: string) => Type.Integer({ description });
export const number = (description: string) => Type.Number({ description });
/** One of a closed set of words. */
export const choice = <const Words extends readonly string[]>(words: Words, description: string) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], description });
/** A decimal number as text: exact, never with an exponent, no zeros behind its last digit. */
export const amount = (description: string) => Type.String({ format: 'decimal', description });
/** RFC 3339, UTC, to the millisecond. */
export const time = (description: string) => Type.String({ format: 'date-time', description });
export const list = <Item extends TSchema>(item: Item, description: string) => Type.Array(item, { description });
/** An object that has these fields, all of them, and no others. */
export const object = <Fields extends TProperties>(fields: Fields, description?: string) =>
  Type.Object(fields, { additionalProperties: false, ...(description === undefined ? {} : { description }) });

/** The field, or null. */
export function orNull<Field extends TSchema>(field: Field) {
  const { type, enum: words, ...rest } = field as { readonly type?: string; readonly enum?: readonly string[] };
  return Type.Unsafe<Static<Field> | null>({ ...rest, type: [type, 'null'], ...(words === undefined ? {} : { enum: [...words, null] }) });
}

interface Kind {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Kind>>;
  readonly items?: Kind;
}

/**
 * The fields of an answer from a row (or another object) that has values of the same names: amounts may be text, numbers or Decimals,
 * times Dates, text or ms UTC, ids text or numbers. Throws for a field that the row does not have: the answer would lack it.
 */
export function answerOf<Fields extends TProperties>(
  schema: TObject<Fields>,
  row: Readonly<Record<string, unknown>>,
): Static<TObject<Fields>> {
  return fieldsOf(schema, row) as Static<TObject<Fields>>;
}

function fieldsOf({ properties = {} }: Kind, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, kind]) => [name, valueOf(kind, row[name], name)]));
}

function valueOf(kind: Kind, value: unknown, name: string): unknown {
  const types = [kind.type].flat();
  if (value === undefined || (value === null && !types.includes('null'))) throw new Error(`an answer lacks its field ${name}`);
  if (value === null) return null;
  if (kind.format === 'decimal') return new Decimal(value as Decimal.Value).toFixed();
  if (kind.format === 'date-time') return new Date(value as Date | string | number).toISOString();
  if (types.includes('number') || types.includes('integer')) return Number(value);
  if (types.includes('string')) return typeof value === 'string' ? value : (value as number).toString();
  const { items } = kind;
  if (items !== undefined) return (value as readonly unknown[]).map((one) => valueOf(items, one, name));
  return kind.properties === undefined ? value : fieldsOf(kind, value as Record<string, unknown>);
}
