/**
 * Commands to a bot: a durable row first, carried out by whichever engine runs the bot, or never once it has expired. The same
 * Idempotency-Key never acts twice. A close is taken for a bot that is switched off too: it makes an engine take the bot.
 */
import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Type } from 'typebox';
import type { BotCommandName } from '../../engine/persistence/bot-commands.ts';
import { BotCommand } from '../../entities/index.ts';
import type { BotConfig } from '../../entities/index.ts';
import { botCommandNames } from '../../entities/vocabulary.ts';
import { audit } from '../../engine/persistence/audit-log.ts';
import { tellEngines } from '../../engine/database/wish-channel.ts';
import { callerOf } from '../guard.ts';
import { historyOf, ownedBot } from '../owned-bot.ts';
import type { AdminPorts } from '../ports.ts';
import { Problem } from '../problem.ts';
import { cutPage, idParams, idText, pageOf, pageQuery, pageSchema, problems } from '../schemas/common.ts';
import { answerOf, choice, object, orNull, text, time } from '../schemas/fields.ts';
import type { AdminApp } from '../app.ts';

const commandBody = object({
  command: choice(botCommandNames, 'What the bot shall do.'),
  reason: Type.Optional(Type.String({ maxLength: 300, description: 'Why, for those who read it later.' })),
});

const commandSchema = object({
  id: idText('Command id.'),
  bot_config_id: idText('Bot id.'),
  command: choice(botCommandNames, 'What the bot shall do.'),
  reason: orNull(text('Why, as it was given; null when no reason was.')),
  created_at: time('When it was given.'),
  expires_at: time('Nobody carries it out from then on.'),
  fate: choice(
    ['pending', 'done', 'refused', 'expired'],
    'pending: an engine has not carried it out yet. refused: there was nothing to do. expired: nobody carried it out in time.',
  ),
  handled_at: orNull(time('When an engine carried it out or refused it; null while none has.')),
  outcome: orNull(text('What came of it, in words; null while it is pending.')),
});
const commandPage = pageSchema(commandSchema);

const minuteMs = 60_000;
/**
 * How long a command may wait for an engine. Long enough for a restart and a take-over; short, because a close or a resume must
 * not happen to what the bot holds, or the market does, much later. A late pause does no harm.
 */
const ttlMs: Readonly<Record<BotCommandName, number>> = {
  start: 5 * minuteMs,
  stop: 5 * minuteMs,
  'pause-entries': 24 * 60 * minuteMs,
  resume: 5 * minuteMs,
  'close-position': 5 * minuteMs,
};

const commandParams = object({ id: idText('Bot id, a whole number above 0.'), command_id: idText('Command id, a whole number above 0.') });

export function commandRoutes(app: AdminApp, { orm }: AdminPorts): void {
  app.post(
    '/v1/bots/:id/commands',
    {
      config: { scope: 'operate' },
      schema: {
        summary: 'start, stop, pause-entries, resume or close-position. A bot that is switched off neither pauses nor resumes (409).',
        tags: ['bots'],
        params: idParams,
        headers: Type.Object({
          'idempotency-key': Type.Optional(Type.String({ description: '1 to 200 characters; the same key never acts twice.' })),
        }),
        body: commandBody,
        response: { 202: commandSchema, ...problems },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const key = readKey(request.headers['idempotency-key']);
      const requestHash =
        key === null
          ? null
          : createHash('sha256')
              .update(JSON.stringify([request.body.command, request.body.reason ?? null]))
              .digest('hex');
      const answer = await orm.em.fork().transactional(async (tx) => {
        const em = tx as EntityManager;
        // The lock on the bot makes equal keys wait for each other.
        const bot = await ownedBot(em, caller.userId, request.params.id);
        const earlier = key === null ? null : await em.findOne(BotCommand, { botConfig: bot, idempotencyKey: key });
        if (earlier !== null) {
          if (earlier.requestHash !== requestHash)
            throw new Problem('unprocessable', 'this Idempotency-Key was used for another command', [
              { pointer: 'idempotency-key', field: 'Idempotency-Key', detail: 'was used for another command' },
            ]);
          return commandView(earlier, await databaseTime(em));
        }
        const name = request.body.command;
        if (!bot.isActive && (name === 'pause-entries' || name === 'resume'))
          throw new Problem('conflict', `the bot is switched off and enters nothing: start it first (command start), then ${name}`);
        const at = await databaseTime(em);
        const created = em.create(BotCommand, {
          botConfig: bot,
          command: name,
          reason: request.body.reason ?? null,
          requestedBy: `user:${caller.userId}`,
          idempotencyKey: key,
          requestHash,
          createdAt: at,
          expiresAt: new Date(at.getTime() + ttlMs[name]),
          handledAt: null,
          fate: null,
          outcome: null,
        });
        if (created.command === 'start' || created.command === 'stop') {
          bot.isActive = created.command === 'start';
          bot.updatedAt = at;
          // Writing the wish is all there is to do: engines compare it with what runs.
          created.handledAt = at;
          created.fate = 'done';
          created.outcome = 'the wish was recorded';
        }
        if (created.command === 'stop') await refuseWaiting(em, bot, at);
        await em.flush();
        await audit(em, {
          caller,
          action: `command-${created.command}`,
          subject: `bot:${bot.id}`,
          detail: { commandId: created.id, reason: created.reason },
          requestId: request.id,
          at,
        });
        await em.flush();
        await tellEngines(em);
        return commandView(created, at);
      });
      void reply.code(202);
      return answer;
    },
  );

  app.get(
    '/v1/bots/:id/commands',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'Commands to the bot and what became of them, newest first.',
        tags: ['bots'],
        params: idParams,
        querystring: pageQuery,
        response: { 200: commandPage, ...problems },
      },
    },
    async (request) => {
      const em = orm.em.fork() as EntityManager;
      const bot = await historyOf(em, callerOf(request).userId, request.params.id);
      const { limit, after } = pageOf(request.query);
      const at = await databaseTime(em);
      const found = await em.find(
        BotCommand,
        { botConfig: bot, ...(after === '0' ? {} : { id: { $lt: after } }) },
        { orderBy: { id: 'desc' }, limit: limit + 1 },
      );
      return cutPage(
        found,
        limit,
        ({ id }) => id,
        (command) => commandView(command, at),
      );
    },
  );

  app.get(
    '/v1/bots/:id/commands/:command_id',
    {
      config: { scope: 'read' },
      schema: {
        summary: 'What became of a command.',
        tags: ['bots'],
        params: commandParams,
        response: { 200: commandSchema, ...problems },
      },
    },
    async (request) => {
      const em = orm.em.fork() as EntityManager;
      const bot = await historyOf(em, callerOf(request).userId, request.params.id);
      const command = await em.findOne(BotCommand, { id: request.params.command_id, botConfig: bot });
      if (command === null) throw new Problem('not-found', `bot ${bot.id} has no command ${request.params.command_id}`);
      return commandView(command, await databaseTime(em));
    },
  );
}

function readKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header !== 'string' || header.length === 0 || header.length > 200)
    throw new Problem('invalid-request', 'Idempotency-Key must have 1 to 200 characters', [
      { pointer: 'idempotency-key', field: 'Idempotency-Key', detail: 'must have 1 to 200 characters' },
    ]);
  return header;
}

/** Whether a command has expired is decided by the database's clock, which all engines share. */
async function databaseTime(em: EntityManager): Promise<Date> {
  const [row]: { ms: string }[] = await em
    .getConnection()
    .execute('select (extract(epoch from now()) * 1000)::bigint::text as ms', [], 'all', em.getTransactionContext());
  if (row === undefined) throw new Error('the database does not tell its time');
  return new Date(Number(row.ms));
}

/** Commands that wait were meant for the run that ends here: the next start must not carry them out. A close stays. */
async function refuseWaiting(em: EntityManager, bot: BotConfig, at: Date): Promise<void> {
  const waiting = {
    botConfig: bot,
    handledAt: null,
    expiresAt: { $gt: at },
    command: { $in: ['pause-entries' as const, 'resume' as const] },
  };
  const outcome = 'the bot was switched off before an engine carried it out';
  await em.nativeUpdate(BotCommand, waiting, { handledAt: at, fate: 'refused', outcome });
}

function commandView(command: BotCommand, at: Date) {
  const { fate, handledAt, expiresAt } = command;
  const expired = handledAt === null && expiresAt <= at;
  return answerOf(commandSchema, {
    id: command.id,
    bot_config_id: command.botConfig.id,
    command: command.command,
    reason: command.reason ?? null,
    created_at: command.createdAt,
    expires_at: expiresAt,
    fate: fate ?? (expired ? 'expired' : handledAt === null ? 'pending' : 'done'),
    handled_at: handledAt ?? null,
    outcome: expired ? 'no engine carried it out in time; give it again' : (command.outcome ?? null),
  });
}
