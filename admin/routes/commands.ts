/** Commands to a bot: a durable row first, carried out by whichever engine runs the bot. The same Idempotency-Key never acts twice. */
import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Type } from 'typebox';
import { BotCommand } from '../../entities/index.ts';
import { botCommandNames } from '../../entities/vocabulary.ts';
import { audit } from '../audit.ts';
import { callerOf } from '../guard.ts';
import { ownedBot, tellEngines } from '../owned-bot.ts';
import type { AdminPorts } from '../ports.ts';
import { Problem } from '../problem.ts';
import { idParams, idText, nullable, problems } from '../schemas/common.ts';
import type { AdminApp } from '../app.ts';

const commandBody = Type.Object(
  { command: Type.Enum([...botCommandNames]), reason: Type.Optional(Type.String({ maxLength: 300 })) },
  { additionalProperties: false },
);

const commandSchema = Type.Object({
  id: Type.String(),
  bot_config_id: Type.String(),
  command: Type.String(),
  reason: nullable(Type.String()),
  created_at: Type.String(),
  handled_at: nullable(Type.String()),
  outcome: nullable(Type.String()),
});

const commandParams = Type.Object({ id: idText('Bot id.'), commandId: idText('Command id.') }, { additionalProperties: false });

export function commandRoutes(app: AdminApp, { orm, clock }: AdminPorts): void {
  app.post(
    '/v1/bots/:id/commands',
    {
      config: { scope: 'operate' },
      schema: {
        summary: 'start, stop, pause-entries, resume or close-position.',
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
      const command = await orm.em.fork().transactional(async (tx) => {
        const em = tx as EntityManager;
        // The lock on the bot makes equal keys wait for each other.
        const bot = await ownedBot(em, caller.userId, request.params.id);
        const earlier = key === null ? null : await em.findOne(BotCommand, { botConfig: bot, idempotencyKey: key });
        if (earlier !== null) {
          if (earlier.requestHash !== requestHash)
            throw new Problem('unprocessable', 'this Idempotency-Key was used for another command', [
              { pointer: 'idempotency-key', field: 'Idempotency-Key', detail: 'was used for another command' },
            ]);
          return earlier;
        }
        const at = new Date(clock.now());
        const created = em.create(BotCommand, {
          botConfig: bot,
          command: request.body.command as 'start',
          reason: request.body.reason ?? null,
          requestedBy: `user:${caller.userId}`,
          idempotencyKey: key,
          requestHash,
          createdAt: at,
          handledAt: null,
          outcome: null,
        });
        if (created.command === 'start' || created.command === 'stop') {
          bot.isActive = created.command === 'start';
          bot.updatedAt = at;
          // The wish itself is the deed: engines compare it with what runs.
          created.handledAt = at;
          created.outcome = 'the wish was recorded';
        }
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
        return created;
      });
      void reply.code(202);
      return commandView(command);
    },
  );

  app.get(
    '/v1/bots/:id/commands/:commandId',
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
      const bot = await ownedBot(em, callerOf(request).userId, request.params.id, false);
      const command = await em.findOne(BotCommand, { id: request.params.commandId, botConfig: bot });
      if (command === null) throw new Problem('not-found', `bot ${bot.id} has no command ${request.params.commandId}`);
      return commandView(command);
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

function commandView(command: BotCommand) {
  return {
    id: command.id,
    bot_config_id: command.botConfig.id,
    command: command.command,
    reason: command.reason ?? null,
    created_at: command.createdAt.toISOString(),
    handled_at: command.handledAt?.toISOString() ?? null,
    outcome: command.outcome ?? null,
  };
}
