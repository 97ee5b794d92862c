/** Why a bot did what it did, or did nothing: the verdict on each closed candle, and one of them explained. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { timeframeMs } from '../../engine/trading/candle.ts';
import type { Static } from 'typebox';
import type { BotConfig } from '../../entities/index.ts';
import type { AdminApp } from '../app.ts';
import { conditionsOf, sentenceOf } from '../explanation.ts';
import { callerOf } from '../guard.ts';
import { readSwitches, timeText, whyMissing } from '../no-verdict.ts';
import { historyOf } from '../owned-bot.ts';
import type { AdminPorts } from '../ports.ts';
import { cutPage, idParams, pageOf, problems } from '../schemas/common.ts';
import { decisionPage, decisionView, decisionsQuery, explainQuery, explanationSchema, orderOfDecision } from '../schemas/decision.ts';
import { answerOf } from '../schemas/fields.ts';
import { instantsOf, spanOf } from '../schemas/instants.ts';

export function decisionRoutes(app: AdminApp, { orm, decisions }: AdminPorts): void {
  const { store, keptMs } = decisions;

  app.get(
    '/v1/bots/:id/decisions',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'The verdict on each closed candle, newest first.',
        tags: ['history'],
        params: idParams,
        querystring: decisionsQuery,
        response: { 200: decisionPage, ...problems },
      },
    },
    async (request) => {
      const bot = await historyOf(orm.em.fork(), callerOf(request).userId, request.params.id);
      const { fromMs, toMs } = spanOf(request.query);
      const { limit } = pageOf(request.query);
      const { after } = request.query;
      const lastMs = after === undefined ? toMs : Math.min(toMs, Number(after) - 1);
      const rows = await store.page({ botId: bot.id, fromMs, toMs: lastMs, limit: limit + 1 });
      return cutPage(rows, limit, ({ closeMs }) => String(closeMs), decisionView);
    },
  );

  app.get(
    '/v1/bots/:id/explain',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Why the bot acted, or did not, at a close.',
        tags: ['history'],
        params: idParams,
        querystring: explainQuery,
        response: { 200: explanationSchema, ...problems },
      },
    },
    async (request) => {
      const em = orm.em.fork() as EntityManager;
      const bot = await historyOf(em, callerOf(request).userId, request.params.id);
      const { at } = instantsOf({ at: request.query.at });
      const nowMs = decisions.venueNowMs();
      const [newest] = await store.page({ botId: bot.id, fromMs: 0, toMs: at ?? Number.MAX_SAFE_INTEGER, limit: 1 });
      const stepMs = timeframeMs[bot.timeframe];
      const closeMs = Math.floor(((at ?? nowMs) + 1) / stepMs) * stepMs - 1;
      const switches = await readSwitches(em, bot, closeMs);
      const nextMs = bot.isActive && switches.isRunning ? (Math.floor(nowMs / stepMs) + 1) * stepMs : null;
      const next = nextMs === null ? 'no next decision while the bot does not run' : `next decision at ${clockText(nextMs, nowMs)}`;
      const shared = { bot_config_id: bot.id, next_decision_at: nextMs === null ? null : new Date(nextMs).toISOString() };
      // The verdict holds from its close to the next one, in the timeframe that the bot had then.
      if (newest !== undefined && (at === undefined || at < newest.closeMs + timeframeMs[newest.settings.timeframe])) {
        const conditions = conditionsOf(newest);
        return {
          ...shared,
          explanation: `${sentenceOf(newest, conditions)}; ${next}`,
          decision: decisionView(newest),
          missing: null,
          conditions: conditions === null ? null : { entry: [...conditions.entry], exits: conditions.exits.map((exit) => [...exit]) },
          orders: newest.outcome === 'nothing' ? [] : await ordersOf(em, bot, newest.closeMs),
        };
      }
      const after = at === undefined ? null : await store.next(bot.id, at);
      const { reason, sentence } = whyMissing({ closeMs, nowMs, keptMs, before: newest ?? null, after, ...switches });
      return { ...shared, explanation: `${sentence}; ${next}`, decision: null, missing: reason, conditions: null, orders: [] };
    },
  );
}

async function ordersOf(em: EntityManager, bot: BotConfig, decisionMs: number): Promise<Static<typeof orderOfDecision>[]> {
  const rows: Record<string, unknown>[] = await em
    .getConnection()
    .execute(`select client_order_id, role, state, executed_quantity from orders where bot_config_id = ? and decision_ms = ? order by id`, [
      bot.id,
      decisionMs,
    ]);
  return rows.map((row) => answerOf(orderOfDecision, row));
}

/** The time of day, with the date when that is another than today. */
function clockText(ms: number, nowMs: number): string {
  const text = timeText(ms);
  return text.slice(0, 10) === timeText(nowMs).slice(0, 10) ? text.slice(11) : text;
}
