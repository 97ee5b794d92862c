/**
 * The kill switch. Setting one holds on this engine first (memory and flag file), then becomes a row that every engine follows;
 * it works while the database is away, for callers whose token was confirmed a short while ago.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Type } from 'typebox';
import type { RequestedKillSwitch } from '../../engine/kill-switch/file.ts';
import { killPolicies, killScopes } from '../../engine/kill-switch/kill-switch.ts';
import type { KillScope, KillSwitch as Standing } from '../../engine/kill-switch/kill-switch.ts';
import { findStanding, listStanding, releaseKillSwitch, writeKillSwitch } from '../../engine/kill-switch/rows.ts';
import { actorOf } from '../../engine/persistence/audit-log.ts';
import { KillSwitch } from '../../entities/index.ts';
import { within } from '../../engine/time/waiting.ts';
import type { AdminApp } from '../app.ts';
import { callerOf } from '../guard.ts';
import { ownedBot } from '../owned-bot.ts';
import type { AdminPorts } from '../ports.ts';
import { Problem, fieldProblem } from '../problem.ts';
import { idText, problems } from '../schemas/common.ts';
import { answerOf, choice, list, object, orNull, text, time } from '../schemas/fields.ts';
import type { Caller } from '../tokens.ts';

const killSwitchBody = object({
  scope: choice(killScopes, 'engine: every bot of the installation.'),
  subject: Type.Optional(
    Type.String({ maxLength: 100, description: 'Bot id or account name; your own user when absent; none for the engine.' }),
  ),
  policy: choice(
    killPolicies,
    'leave: stops and exits go on. cancel: stops and targets are taken down and kept down. flatten: positions are closed.',
  ),
  reason: Type.String({ minLength: 1, maxLength: 300, description: 'Why, for those who find their bots stopped.' }),
  expires_at: Type.Optional(Type.String({ description: 'RFC 3339; until it is released when absent.' })),
});

const killSwitchSchema = object({
  id: orNull(idText('Kill switch id; null while it has no row.')),
  scope: choice(killScopes, 'Whom it concerns.'),
  subject: orNull(text('Bot id, user id or account name; null for the engine.')),
  policy: choice(killPolicies, 'What becomes of orders and positions.'),
  reason: text('Why, as it was given.'),
  set_by: orNull(text('Who set it; null for the kill file and a signal.')),
  created_at: orNull(time('When it was set; null where that is not known.')),
  expires_at: orNull(time('When it ends by itself; null: it stands until it is released.')),
  released_at: orNull(time('When it was released; null while it stands.')),
  held: choice(['everywhere', 'this-engine'], 'everywhere: it is a row that all engines follow.'),
  note: orNull(text('What is to be known of it beyond that.')),
});

/** The whole answer shall come within a second: to find out who owns a bot, and to make the row. */
const ownerWaitMs = 250;
const rowWaitMs = 500;
/** In a process without bots only the row can put the switch in force. */
const onlyRowWaitMs = 5_000;

export function killSwitchRoutes(app: AdminApp, ports: AdminPorts): void {
  const { orm, clock, log, engine, killSwitch: here } = ports;

  app.post(
    '/v1/kill-switch',
    {
      config: { scope: 'operate', withoutDatabase: true },
      schema: {
        summary: 'Stop all entries of the engine, an account, yourself or a bot, at once and durably.',
        tags: ['kill switch'],
        body: killSwitchBody,
        response: { 201: killSwitchSchema, 202: killSwitchSchema, ...problems },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const asked = readBody(request.body, caller, ports);
      const { scope, subject } = asked;
      if (isShared(scope)) refuseUnlessAdmin(caller, scope);
      if (scope === 'bot') await refuseUnlessOwner(caller, subject, ports);
      const one: RequestedKillSwitch = {
        ...asked,
        id: request.id,
        request: {
          userId: caller.userId,
          tokenId: caller.tokenId,
          tokenName: caller.tokenName,
          requestId: request.id,
          atMs: clock.now(),
          ofUserId: isShared(scope) ? null : caller.userId,
        },
      };
      const waiting = (here?.here ?? []).filter(({ request: by }) => by?.userId === caller.userId).length;
      if (waiting >= waitingMax)
        throw new Problem('conflict', `${waiting} kill switches of yours hold on this engine and wait for the database: wait for it too`);
      let durable = true;
      try {
        here?.engage(one);
      } catch (error) {
        durable = false;
        log.error({ err: error, path: here?.path }, 'a kill switch could not be written to the kill file');
      }
      const row = await within(clock, here === null ? onlyRowWaitMs : rowWaitMs, written(one)).catch((error: unknown) => {
        if (error instanceof Problem) throw error;
        log.warn({ err: error, killSwitch: one }, 'a kill switch is not in the database yet');
        return null;
      });
      if (row !== null) {
        void reply.code(201);
        return rowView(row);
      }
      if (here === null)
        throw new Problem(
          'unavailable',
          `the database has not taken it (it may yet), and no bot runs in this process: ${elsewhere} of the engine`,
        );
      if (!durable)
        throw new Problem(
          'unavailable',
          'it holds on this engine, but neither the database nor the kill file took it: it is lost when the engine ends',
        );
      void reply.code(202);
      return localView(one, 'it holds on this engine, durably; it is written to the database, for all engines, when that is back');
    },
  );

  /** The row of the switch; null when it has none yet. */
  async function written(one: RequestedKillSwitch): Promise<KillSwitch | null> {
    if (here === null) await writeKillSwitch(orm, one);
    else if (!(await here.writeDown(one.id))) return null;
    const row = await orm.em.fork().findOne(KillSwitch, { key: one.id });
    if (row === null)
      throw new Problem('unprocessable', 'the database refuses it for what it says, so it holds nowhere; the log has the reason');
    return row;
  }

  app.get(
    '/v1/kill-switch',
    {
      config: { scope: 'read', withoutDatabase: true },
      schema: {
        summary: 'Kill switches that stand: shared ones and your own.',
        tags: ['kill switch'],
        response: { 200: object({ items: list(killSwitchSchema, 'All of them.') }), ...problems },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const mine = ({ scope, subject }: Standing): boolean =>
        isShared(scope) || (scope === 'user' ? subject : engine.ownerOf(subject)) === caller.userId;
      const now = new Date(clock.now());
      const rows = await within(clock, rowWaitMs, listStanding(orm.em.fork() as EntityManager, caller.userId, now)).catch(() => null);
      const local = (here?.here ?? []).filter(
        (one) =>
          (one.request === null ? mine(one) : (one.request.ofUserId ?? caller.userId) === caller.userId) &&
          rows?.some(({ key }) => key === one.id) !== true,
      );
      const items = [
        ...(rows?.map(rowView) ?? []),
        ...local.map((one) =>
          localView(
            one,
            one.request === null
              ? `remove ${here?.path ?? 'the kill file'} to release it`
              : 'it is written to the database when that is back',
          ),
        ),
      ];
      if (rows !== null) return { items };
      if (here === null) throw new Problem('unavailable', 'the database does not answer, and no bot runs in this process');
      const known = here.switches.standing.filter((one) => mine(one) && !local.some((other) => sameSubject(one, other)));
      return { items: [...known.map((one) => localView(one, 'as this engine knew it before the database went away')), ...items] };
    },
  );

  app.delete(
    '/v1/kill-switch/:id',
    {
      config: { scope: 'operate' },
      schema: {
        summary: 'Release a kill switch.',
        tags: ['kill switch'],
        params: object({ id: idText('Kill switch id, a whole number above 0.') }),
        response: { 200: killSwitchSchema, ...problems },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const at = new Date(clock.now());
      const { id } = request.params;
      const one = await findStanding(orm.em.fork(), id, caller.userId);
      if (one !== null && isShared(one.scope)) refuseUnlessAdmin(caller, one.scope);
      const released = one === null ? null : await releaseKillSwitch(orm, id, { caller, requestId: request.id, at });
      if (released === null) throw new Problem('not-found', `no kill switch ${id} stands`);
      return rowView(released);
    },
  );
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
/** With its time zone applied, a time can lie outside the years that RFC 3339 and the database can write. */
const lastExpiryMs = Date.parse('9999-12-31T23:59:59.999Z');

/** Of one user: while the database is away they are kept in memory and in a file. */
const waitingMax = 16;

const elsewhere = 'use the admin plane, the kill file or SIGUSR2';

function readBody(
  {
    scope,
    subject,
    policy,
    reason,
    expires_at: expiresAt,
  }: { scope: KillScope; subject?: string; policy: Standing['policy']; reason: string; expires_at?: string },
  caller: Caller,
  { venue, clock }: AdminPorts,
): Standing {
  const wrong: { readonly field: string; readonly detail: string }[] = [];
  const named = subject ?? '';
  if (scope === 'engine' && named !== '') wrong.push({ field: 'subject', detail: 'the engine has none; leave it out' });
  if (scope === 'account' && named !== venue) wrong.push({ field: 'subject', detail: `must name the account of this engine, "${venue}"` });
  if (scope === 'user' && named !== '' && named !== caller.userId)
    wrong.push({ field: 'subject', detail: `must be your own user id, ${caller.userId}, or absent` });
  if (scope === 'bot' && !/^[1-9][0-9]{0,17}$/.test(named)) wrong.push({ field: 'subject', detail: 'must be the id of a bot' });
  const expiresAtMs = expiresAt === undefined ? null : rfc3339.test(expiresAt) ? Date.parse(expiresAt) : Number.NaN;
  if (expiresAtMs !== null && !(expiresAtMs > clock.now() && expiresAtMs <= lastExpiryMs))
    wrong.push({ field: 'expires_at', detail: 'must be a time to come before the year 10000, as in 2026-11-27T12:00:00Z' });
  if (reason.trim() === '') wrong.push({ field: 'reason', detail: 'must say why' });
  if (wrong.length > 0) throw fieldProblem('unprocessable', wrong);
  return { scope, policy, subject: scope === 'user' ? caller.userId : named, reason, expiresAtMs };
}

/** It concerns more than the bots of one user. */
function isShared(scope: KillScope): boolean {
  return scope === 'engine' || scope === 'account';
}

function refuseUnlessAdmin(caller: Caller, scope: KillScope): void {
  if (caller.role !== 'owner' && caller.role !== 'admin')
    throw new Problem('forbidden', `a kill switch of the ${scope} is for the roles owner and admin; yours is ${caller.role}`);
  if (!caller.scopes.includes('admin'))
    throw new Problem('forbidden', `a kill switch of the ${scope} needs a token with the "admin" scope`);
}

/** For bots that run here this is known in memory, also while the database is away. */
async function refuseUnlessOwner(caller: Caller, botId: string, { orm, clock, engine }: AdminPorts): Promise<void> {
  const owner = engine.ownerOf(botId);
  if (owner === caller.userId) return;
  if (owner !== null) throw new Problem('not-found', `there is no bot ${botId}`);
  try {
    await within(clock, ownerWaitMs, ownedBot(orm.em.fork() as EntityManager, caller.userId, botId, false));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(
      'unavailable',
      `the database does not answer whose bot ${botId} is, and it does not run here: ${elsewhere} of its engine`,
    );
  }
}

function sameSubject(one: Standing, other: Standing): boolean {
  return one.scope === other.scope && one.subject === other.subject && one.policy === other.policy;
}

function rowView(row: KillSwitch) {
  return answerOf(killSwitchSchema, {
    id: row.id,
    scope: row.scope,
    subject: row.subject === '' ? null : row.subject,
    policy: row.policy,
    reason: row.reason,
    set_by: row.setBy,
    created_at: row.createdAt,
    expires_at: row.expiresAt ?? null,
    released_at: row.releasedAt ?? null,
    held: 'everywhere',
    note: null,
  });
}

function localView(one: Standing & { readonly request?: RequestedKillSwitch['request'] | null }, note: string) {
  const { request = null } = one;
  return answerOf(killSwitchSchema, {
    id: null,
    scope: one.scope,
    subject: one.subject === '' ? null : one.subject,
    policy: one.policy,
    reason: one.reason,
    set_by: request === null ? null : actorOf(request),
    created_at: request?.atMs ?? null,
    expires_at: one.expiresAtMs,
    released_at: null,
    held: 'this-engine',
    note,
  });
}
