/** The column type of percentages: `numeric` in PostgreSQL, so that 0.1 is 0.1 there, and a number in code, where it meets candles. */
import { Type } from '@mikro-orm/core';

export class PercentType extends Type<number | null | undefined, string | null | undefined> {
  override convertToDatabaseValue(value: number | string | null | undefined): string | null | undefined {
    if (value === null || value === undefined) return value;
    const percent = Number(value);
    if (!Number.isFinite(percent)) throw new RangeError(`${String(value)} is no percentage`);
    return String(percent);
  }

  override convertToJSValue(value: number | string | null | undefined): number | null | undefined {
    return value === null || value === undefined ? value : Number(value);
  }

  override compareAsType(): string {
    return 'string';
  }

  /** Decimal text of either side, with or without trailing zeros. */
  override compareValues(a: string | null | undefined, b: string | null | undefined): boolean {
    if (a === null || a === undefined || b === null || b === undefined) return a === b;
    return Number(a) === Number(b);
  }

  override getColumnType(): string {
    return 'numeric';
  }

  override toJSON(value: number | null | undefined): number | null | undefined {
    return value;
  }
}
