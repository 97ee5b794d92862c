/** Column kinds that several tables share. Ids are bigint in PostgreSQL and text in code; times are timestamptz, UTC. */
import { p } from '@mikro-orm/core';
import type { Decimal } from 'decimal.js';
import { MoneyType } from '../engine/persistence/money-type.ts';
import { PercentType } from '../engine/persistence/percent-type.ts';

export const id = () => p.bigint('string').primary().autoincrement();
export const money = () => p.type(MoneyType).$type<Decimal>();
/** 2.5 means 2.5 %. */
export const percentage = () => p.type(PercentType).$type<number>();
/** A number that is compared, never added up. */
export const number = () => p.double();
export const time = () => p.datetime(3);

export const rangeCheck = (column: string, least: number, most: number) => `${column} >= ${least} and ${column} <= ${most}`;
export const positiveCheck = (column: string) => `${column} > 0`;
