/** Schemas that several routes share. Money and ids are text, times RFC 3339. */
import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import { integer, list, object, orNull, text } from './fields.ts';

/** A row's id. Eighteen digits always fit the column (bigint), nineteen may not. */
export const idText = (description: string) => Type.String({ pattern: '^[1-9][0-9]{0,17}$', description });

export const idParams = object({ id: idText('Bot id, a whole number above 0.') });

/** Rows of a list: `next_cursor` of one page is `after` of the next. */
export const pageQuery = object({
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$',
      description: 'Rows per page, a whole number from 1 to 500; 100 when absent.',
    }),
  ),
  after: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$', description: 'The next_cursor of the page before.' })),
});

export const pageSchema = <Item extends TSchema>(item: Item) =>
  object({
    items: list(item, 'At most `limit` of them.'),
    next_cursor: orNull(text('Send it as `after` for the next page; null on the last one.')),
  });

export const problemSchema = object({
  type: text('Address that names the kind of problem.'),
  title: text('What kind of problem it is, in words.'),
  status: integer('The HTTP status.'),
  detail: text('What is wrong with this request, and what to do.'),
  instance: text('The path that was asked for.'),
  code: text('The kind of problem as a word that stays: for programs.'),
  errors: list(
    object({
      pointer: text('JSON pointer into the body, or the name of a parameter or header.'),
      field: text('The same with dots.'),
      detail: text('What is wrong with it.'),
    }),
    'Each field that is wrong; empty where it is not about fields.',
  ),
  request_id: text('The log and the audit log know the request by it.'),
});

/** Answers of every route beside its own. */
const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: problemSchema } } });
export const problems = {
  '4xx': problem('What is wrong with the request (RFC 9457).'),
  '5xx': problem('What failed on our side (RFC 9457).'),
};

const defaultPageSize = 100;

export function pageOf(query: { readonly limit?: string; readonly after?: string }): { readonly limit: number; readonly after: string } {
  return { limit: Number(query.limit ?? defaultPageSize), after: query.after ?? '0' };
}

/** A page of `limit` from rows of which one more was asked for; `cursorOf` names the row that the next page begins behind. */
export function cutPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => string,
  itemOf: (row: Row) => Item,
): { items: Item[]; next_cursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(itemOf), next_cursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
