/** Schemas that several routes share. Money and ids are text, times RFC 3339. */
import { Type } from 'typebox';

/** A row's id. Eighteen digits always fit the column (bigint), nineteen may not. */
export const idText = (description: string) => Type.String({ pattern: '^[1-9][0-9]{0,17}$', description });

export const idParams = Type.Object({ id: idText('Bot id.') }, { additionalProperties: false });

export const pageQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$', description: 'Rows per page, 1 to 500; 100 when absent.' }),
    ),
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$', description: 'The nextCursor of the page before.' })),
  },
  { additionalProperties: false },
);

export const problemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  instance: Type.String(),
  code: Type.String(),
  errors: Type.Array(Type.Object({ pointer: Type.String(), field: Type.String(), detail: Type.String() })),
  requestId: Type.String(),
});

/** Answers of every route beside its own. */
const problem = (description: string) => ({ description, content: { 'application/problem+json': { schema: problemSchema } } });
export const problems = {
  '4xx': problem('What is wrong with the request (RFC 9457).'),
  '5xx': problem('What failed on our side (RFC 9457).'),
};

export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

const defaultPageSize = 100;

export function pageOf(query: { readonly limit?: string; readonly after?: string }): { readonly limit: number; readonly after: string } {
  return { limit: Number(query.limit ?? defaultPageSize), after: query.after ?? '0' };
}
