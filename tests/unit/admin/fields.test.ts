import { Decimal } from 'decimal.js';
import { expect, it } from 'vitest';
import { amount, answerOf, choice, flag, integer, list, object, orNull, text, time } from '../../../admin/schemas/fields.ts';

const schema = object({
  id: text('An id.'),
  price: amount('A price.'),
  limit: orNull(amount('A price.')),
  at: time('A time.'),
  ended_at: orNull(time('A time.')),
  percent: orNull(integer('A percentage.')),
  side: orNull(choice(['BUY', 'SELL'], 'A side.')),
  open: flag('A flag.'),
  parts: list(object({ price: amount('A price.') }), 'Parts.'),
});
const row = {
  ...{ id: 7, price: '1.500000000000000000', limit: new Decimal('1e-9'), at: new Date(1_700_000_000_000), ended_at: 1_700_000_000_001 },
  ...{ percent: '2.5', side: 'BUY', open: false, parts: [{ price: 4.5e-7 }], secret: 'x' },
};

it('a row is written as its schema says, and what the schema does not name is left out', () => {
  expect(answerOf(schema, row)).toEqual({
    id: '7',
    price: '1.5',
    limit: '0.000000001',
    at: '2023-11-14T22:13:20.000Z',
    ended_at: '2023-11-14T22:13:20.001Z',
    percent: 2.5,
    side: 'BUY',
    open: false,
    parts: [{ price: '0.00000045' }],
  });
});

it('null stays null where the schema lets it', () => {
  expect(answerOf(schema, { ...row, limit: null, ended_at: null, percent: null, side: null })).toMatchObject({
    ...{ limit: null, ended_at: null, percent: null, side: null },
  });
  expect(orNull(choice(['BUY', 'SELL'], 'A side.'))).toEqual({
    type: ['string', 'null'],
    enum: ['BUY', 'SELL', null],
    description: 'A side.',
  });
});

it.each([
  ['price', null],
  ['price', undefined],
  ['limit', undefined],
  ['parts', null],
])('a row without its %s (%s) is refused: the answer would lack it', (name, value) => {
  expect(() => answerOf(schema, { ...row, [name]: value })).toThrow(`an answer lacks its field ${name}`);
});

it('a value keeps all of its digits', () => {
  const value = '99999999999999999999.123456789012345678';
  expect(answerOf(object({ value: amount('An amount.') }), { value })).toEqual({ value });
});
