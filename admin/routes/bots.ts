/** Bots: create, list, read, change, delete. What is written is the wish; engines hear of it and act. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Type } from 'typebox';
import { BotConfig, User } from '../../entities/index.ts';
import { audit } from '../../engine/persistence/audit-log.ts';
import { tellEngines } from '../../engine/database/wish-channel.ts';
import { readBody } from '../bot-columns.ts';
import type { FieldProblem } from '../bot-columns.ts';
import { readBots } from '../bot-view.ts';
import type { BotAnswer } from '../bot-view.ts';
import { editedColumns, liveProblems, readStanding, sizeProblems } from '../edit-bot.ts';
import { callerOf } from '../guard.ts';
import { nearName } from '../near-name.ts';
import type { AdminPorts } from '../ports.ts';
import { Problem, fieldProblem } from '../problem.ts';
import { botPage, botSchema, changeBotBody, createBotBody } from '../schemas/bot.ts';
import { cutPage, idParams, pageOf, pageQuery, problems } from '../schemas/common.ts';
import { defaultColumns, readColumns } from '../../engine/trading/bot-columns.ts';
import type { BotColumns } from '../../engine/trading/bot-columns.ts';
import type { Instrument } from '../../engine/trading/instrument.ts';
import type { AdminApp } from '../app.ts';
import { ownedBot } from '../owned-bot.ts';

export function botRoutes(app: AdminApp, ports: AdminPorts): void {
  const { orm, clock, engine } = ports;
  const now = (): Date => new Date(clock.now());
  const view = async (em: EntityManager, userId: string, botId: string): Promise<BotAnswer> => {
    const [bot] = await readBots(em, engine, { userId, botId });
    if (bot === undefined) throw new Problem('not-found', `there is no bot ${botId}`);
    return bot;
  };

  app.get(
    '/v1/bots',
    {
      config: { scope: 'read' },
      schema: { summary: 'Bots of the caller.', tags: ['bots'], querystring: pageQuery, response: { 200: botPage, ...problems } },
    },
    async (request) => {
      const { limit, after } = pageOf(request.query);
      const bots = await readBots(orm.em.fork(), engine, { userId: callerOf(request).userId, after, limit: limit + 1 });
      return cutPage(
        bots,
        limit,
        ({ id }) => id,
        (bot) => bot,
      );
    },
  );

  app.get(
    '/v1/bots/:id',
    {
      config: { scope: 'read' },
      schema: { summary: 'One bot.', tags: ['bots'], params: idParams, response: { 200: botSchema, ...problems } },
    },
    async (request, reply) => {
      const em = orm.em.fork() as EntityManager;
      // Says why there is none.
      const { id } = await ownedBot(em, callerOf(request).userId, request.params.id, false);
      const bot = await view(em, callerOf(request).userId, id);
      void reply.header('etag', `"${bot.version}"`);
      return bot;
    },
  );

  app.post(
    '/v1/bots',
    {
      config: { scope: 'operate' },
      schema: { summary: 'Create a bot.', tags: ['bots'], body: createBotBody, response: { 201: botSchema, ...problems } },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { body } = request;
      const instrument = await ports.symbols.find(body.symbol);
      const read = readBody({ ...defaultColumns, venue: ports.venue }, body, venueProblems(ports, body, instrument));
      const problems = read.problems.length > 0 ? read.problems : sizeProblems(read.columns, instrument);
      if (problems.length > 0) throw fieldProblem('unprocessable', problems);
      const bot = await orm.em.fork().transactional(async (tx) => {
        const em = tx as EntityManager;
        const at = now();
        const created = em.create(BotConfig, {
          // The words among them were checked with the rest.
          ...(read.columns as BotColumns & Pick<BotConfig, 'timeframe' | 'positionType' | 'direction' | 'venue'>),
          user: em.getReference(User, caller.userId),
          apiKey: null,
          version: 1,
          deletedAt: null,
          createdAt: at,
          updatedAt: at,
        });
        await em.flush();
        await audit(em, { caller, action: 'create-bot', subject: `bot:${created.id}`, detail: body, requestId: request.id, at });
        await em.flush();
        if (created.isActive) await tellEngines(em);
        return view(em, caller.userId, created.id);
      });
      void reply.code(201).header('location', `/v1/bots/${bot.id}`);
      return bot;
    },
  );

  app.patch(
    '/v1/bots/:id',
    {
      config: { scope: 'operate' },
      schema: {
        summary: 'Change a bot; a running one takes the change over at its next decision. What its position forbids is refused by field.',
        tags: ['bots'],
        params: idParams,
        headers: Type.Object({
          'if-match': Type.Optional(Type.String({ description: "The bot's ETag: refuse when it was changed since." })),
        }),
        body: changeBotBody,
        response: { 200: botSchema, ...problems },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { version, ...changes } = request.body;
      const expected = expectedVersion(request.headers['if-match'], version);
      return orm.em.fork().transactional(async (tx) => {
        const em = tx as EntityManager;
        const bot = await ownedBot(em, caller.userId, request.params.id);
        if (expected !== null && expected !== bot.version)
          throw new Problem('stale', `the bot has version ${bot.version}, not ${expected}: read it again`, [
            { pointer: '/version', field: 'version', detail: `is ${bot.version} by now` },
          ]);
        const before = columnsOf(bot);
        Object.assign(bot, editedColumns(before, changes, await readStanding(em, bot.id), ports, await ports.symbols.find(bot.symbol)));
        bot.version += 1;
        bot.updatedAt = now();
        await audit(em, {
          caller,
          action: 'change-bot',
          subject: `bot:${bot.id}`,
          detail: changes,
          requestId: request.id,
          at: bot.updatedAt,
        });
        await em.flush();
        await tellEngines(em);
        return view(em, caller.userId, bot.id);
      });
    },
  );

  app.delete(
    '/v1/bots/:id',
    {
      config: { scope: 'operate' },
      schema: {
        summary: 'Delete a stopped, flat bot. Its orders and trades stay.',
        tags: ['bots'],
        params: idParams,
        response: { 204: { type: 'null', description: 'Deleted.' }, ...problems },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      await orm.em.fork().transactional(async (tx) => {
        const em = tx as EntityManager;
        const bot = await ownedBot(em, caller.userId, request.params.id);
        await refuseDeletion(em, bot);
        bot.deletedAt = now();
        bot.updatedAt = bot.deletedAt;
        bot.version += 1;
        await audit(em, { caller, action: 'delete-bot', subject: `bot:${bot.id}`, detail: {}, requestId: request.id, at: bot.deletedAt });
        await em.flush();
      });
      return reply.code(204).send(null);
    },
  );
}

/** Problems that depend on the venue: the symbol, the venue's name, whether live orders are possible. */
function venueProblems(
  ports: AdminPorts,
  body: { readonly symbol: string; readonly venue?: string; readonly mode?: string; readonly name: string; readonly confirm_name?: string },
  instrument: Instrument | null,
): readonly FieldProblem[] {
  const found: FieldProblem[] = [];
  if (body.venue !== undefined && body.venue !== ports.venue)
    found.push({ field: 'venue', detail: `this engine trades at ${ports.venue}` });
  if (body.mode === 'live') found.push(...liveProblems(ports, body.name, body.confirm_name));
  if (instrument === null) {
    const near = nearName(
      body.symbol,
      ports.symbols.list().map(({ symbol }) => symbol),
    );
    const hint = near === null ? 'GET /v1/symbols tells what it lists' : `did you mean ${near}?`;
    found.push({ field: 'symbol', detail: `${ports.venue} does not list "${body.symbol}"; ${hint}` });
  }
  return found;
}

function expectedVersion(ifMatch: string | undefined, version: number | undefined): number | null {
  if (version !== undefined) return version;
  if (ifMatch === undefined || ifMatch === '*') return null;
  const parsed = Number(/^"?(\d+)"?$/.exec(ifMatch)?.[1]);
  if (!Number.isInteger(parsed)) throw fieldProblem('invalid-request', [{ field: 'If-Match', detail: 'must be the ETag of the bot' }]);
  return parsed;
}

/** Nobody looks after the orders and the position of a bot that is gone. */
async function refuseDeletion(em: EntityManager, bot: BotConfig): Promise<void> {
  if (bot.isActive) throw new Problem('conflict', 'the bot is active: stop it first');
  const { holding, ordersOpen, running } = await readStanding(em, bot.id);
  if (holding) throw new Problem('conflict', 'the bot holds a position: sell it first (command close-position, also while it is stopped)');
  if (ordersOpen) throw new Problem('conflict', 'an order of the bot is not over; an engine looks after it: try again in a moment');
  if (running) throw new Problem('conflict', 'the bot is still stopping; try again in a moment');
}

const columnsOf = (bot: BotConfig): BotColumns => readColumns(({ key }) => bot[key]);
