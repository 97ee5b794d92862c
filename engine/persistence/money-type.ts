/**
 * The column type of money: `numeric(38,18)` in PostgreSQL, Decimal in code. The ORM's own decimal type compares values as
 * floats and silently drops updates beyond their precision; this one compares exactly.
 */
import { Type } from '@mikro-orm/core';
import { Decimal } from 'decimal.js';

const scale = 18;

export class MoneyType extends Type<Decimal | null | undefined, string | null | undefined> {
  override convertToDatabaseValue(value: Decimal | string | number | null | undefined): string | null | undefined {
    if (value === null || value === undefined) return value;
    const money = new Decimal(value);
    // The database would round silently; an amount with more digits is a mistake of ours.
    if (!money.isFinite() || money.decimalPlaces() > scale) throw new RangeError(`${money.toFixed()} does not fit numeric(38,${scale})`);
    return money.toFixed();
  }

  override convertToJSValue(value: Decimal | string | number | null | undefined): Decimal | null | undefined {
    return value === null || value === undefined ? value : new Decimal(value);
  }

  override compareAsType(): string {
    return 'string';
  }

  /** Both sides are what `convertToDatabaseValue` or the driver gave: decimal text, with or without trailing zeros. */
  override compareValues(a: string | null | undefined, b: string | null | undefined): boolean {
    if (a === null || a === undefined || b === null || b === undefined) return a === b;
    return new Decimal(a).eq(b);
  }

  override getColumnType(): string {
    return `numeric(38,${scale})`;
  }

  override toJSON(value: Decimal | null | undefined): string | null | undefined {
    return value === null || value === undefined ? value : value.toFixed();
  }
}
