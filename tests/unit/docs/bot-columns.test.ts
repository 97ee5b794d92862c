/** docs/bot-columns.md is written from the table of columns: `npx vitest run --project unit tests/unit/docs/bot-columns.test.ts -u`. */
import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { columnList, isRequired } from '../../../engine/trading/bot-columns.ts';
import type { EditRule, NamedColumn } from '../../../engine/trading/bot-columns.ts';

const page = new URL('../../../docs/bot-columns.md', import.meta.url).pathname;

const rules: Readonly<Record<EditRule, readonly [label: string, meaning: string]>> = {
  'next-decision': ['at any time', 'A running bot uses it from its next decision on.'],
  tighter: ['tighter', 'At any time, but while a position is open only so that the stop does not loosen or vanish.'],
  flat: ['when flat', 'Without an open position and without an open order.'],
  'with-strategy': ['with `strategy`', 'At any time; together with another `strategy` only when that may change.'],
  stopped: [
    'before the first trade',
    'Stopped, without position and orders, and only before the first trade: paper profit must not count as real money.',
  ],
  never: ['never', 'The reason stands beside it.'],
};

const words = (list: readonly string[]): string => list.map((word) => `\`${word}\``).join(', ');

function taken(column: NamedColumn): string {
  switch (column.kind) {
    case 'money':
      return `amount ${range(column)}`;
    case 'percent':
      return `${range(column)} %`;
    case 'whole':
      return ['whole,', range(column), ...(column.unit === undefined ? [] : [column.unit])].join(' ');
    case 'flag':
      return words(['true', 'false']);
    case 'choice':
      return words(column.words);
    case 'text':
      return column.words === undefined ? `at most ${column.longest} characters` : words(column.words);
    case 'parameters':
      return 'object of numbers';
    default:
      return column satisfies never;
  }
}

function range({ above, least, most, below }: Extract<NamedColumn, { kind: 'money' | 'percent' | 'whole' }>): string {
  const from = above === undefined ? `from ${least ?? 0}` : `above ${above}`;
  if (below !== undefined) return `${from}, below ${below}`;
  return most === undefined ? from : above === undefined ? `${from} to ${most}` : `${from}, at most ${most}`;
}

function defaultOf(column: NamedColumn): string {
  if (isRequired(column)) return 'must be said';
  return column.default === undefined ? "the engine's" : column.default === null ? '' : words([String(column.default)]);
}

function row(column: NamedColumn): string {
  const may = rules[column.edit][0] + (column.edit === 'never' ? `: ${column.why}` : '');
  const text = column.futures === undefined ? column.text : `${column.text} Nothing else than \`${String(column.default)}\` on spot.`;
  return `| ${[words([column.name]), taken(column), defaultOf(column), may, text].join(' | ')} |`;
}

const text = `# Columns of a bot

Written from \`engine/trading/bot-columns.ts\` by \`tests/unit/docs/bot-columns.test.ts\`, which fails when they differ. A column without a
default may be unset (\`null\`), unless it must be said. How a change is made: [docs/bots.md](bots.md).

| may change | meaning |
| --- | --- |
${Object.values(rules)
  .map((rule) => `| ${rule.join(' | ')} |`)
  .join('\n')}

| column | takes | default | may change | meaning |
| --- | --- | --- | --- | --- |
${columnList.map(row).join('\n')}
`;

it('docs/bot-columns.md says what the table of columns says', async () => {
  await expect(await format(text, { ...(await resolveConfig(page)), parser: 'markdown' })).toMatchFileSnapshot(page);
});
