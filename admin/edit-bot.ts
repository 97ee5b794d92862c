/** Whether a bot's change may be made as it stands: its position and orders, and what live trading asks for. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { openOrderStates } from '../entities/vocabulary.ts';
import { refusedEdits } from '../engine/trading/edit-rules.ts';
import type { Standing } from '../engine/trading/edit-rules.ts';
import type { Instrument } from '../engine/trading/instrument.ts';
import { neverEnters } from '../engine/trading/sizing.ts';
import { columnName } from '../engine/strategies/parameters.ts';
import type { BotColumns } from '../engine/trading/bot-columns.ts';
import { validateColumns } from '../engine/trading/resolve-config.ts';
import { readBody } from './bot-columns.ts';
import type { Body, FieldProblem } from './bot-columns.ts';
import type { AdminPorts } from './ports.ts';
import { fieldProblem } from './problem.ts';

/**
 * How the bot stands, in one snapshot. The caller holds its row's lock: no order of it becomes durable meanwhile, because that
 * needs a share of the same lock.
 */
export async function readStanding(em: EntityManager, botId: string): Promise<Standing> {
  const open = openOrderStates.map((state) => `'${state}'`).join(', ');
  const [row]: Standing[] = await em.getConnection().execute(
    `select coalesce(s.state_data->'position'->>'openedAtMs', '') <> '' as holding,
            exists (select 1 from orders o where o.bot_config_id = c.id and o.state in (${open})) as "ordersOpen",
            c.is_active or coalesce(s.is_running, false) or s.lock_holder is not null as running,
            exists (select 1 from fills f where f.bot_config_id = c.id) as traded
     from bot_configs c left join bot_state s on s.bot_config_id = c.id where c.id = ?`,
    [botId],
    'all',
    em.getTransactionContext(),
  );
  if (row === undefined) throw new Error(`bot ${botId} is gone although its row is locked`);
  return row;
}

/** The columns after the change. Throws a problem that names every field that is wrong or may not change now. */
export function editedColumns(
  before: BotColumns,
  body: Body,
  standing: Standing,
  ports: Pick<AdminPorts, 'liveRefusal'>,
  instrument: Instrument | null,
): BotColumns {
  const read = readBody(before, body, []);
  const { columns } = read;
  // A column that is not changed may break newer rules: that is no reason to refuse the change of another.
  const stood = new Set(validateColumns(before).map(({ field, problem }) => `${field} ${problem}`));
  const touched = read.problems.filter(({ field, detail }) => Object.hasOwn(body, field) || !stood.has(`${field} ${detail}`));
  const problems = sizeColumns.some((name) => Object.hasOwn(body, name)) ? [...touched, ...sizeProblems(columns, instrument)] : touched;
  const wrong = new Set(problems.map(({ field }) => field));
  const refused = refusedEdits(before, columns, standing).filter(({ column }) => !wrong.has(columnName(column)));
  const goesLive = before.mode !== 'live' && columns.mode === 'live' && !refused.some(({ column }) => column === 'mode');
  const all: readonly FieldProblem[] = [
    ...problems,
    ...refused.map(({ column, reason }) => ({ field: columnName(column), detail: reason })),
    ...(goesLive ? liveProblems(ports, columns.name, body['confirm_name']) : []),
  ];
  if (all.length === 0) return columns;
  const byWaiting = refused.length === all.length && refused.every(({ lasting }) => !lasting);
  throw fieldProblem(byWaiting ? 'conflict' : 'unprocessable', all);
}

const sizeColumns = ['initial_capital', 'position_size_fixed', 'position_size_perc'] as const;

/** Money that can never reach the least order value of the symbol, as its filters are now. */
export function sizeProblems(columns: BotColumns, instrument: Instrument | null): readonly FieldProblem[] {
  const never = instrument === null || columns.initialCapital.lte(0) ? null : neverEnters(columns, instrument);
  return never === null ? [] : [{ field: columnName(never.column), detail: never.problem }];
}

/** What keeps a bot from trading live. */
export function liveProblems({ liveRefusal }: Pick<AdminPorts, 'liveRefusal'>, name: string, confirmed: unknown): readonly FieldProblem[] {
  const refusal = liveRefusal();
  return [
    ...(refusal === null ? [] : [{ field: 'mode', detail: refusal }]),
    ...(confirmed === name
      ? []
      : [{ field: 'confirm_name', detail: `must be the bot's name ("${name}"): it would trade real money from now on` }]),
  ];
}
