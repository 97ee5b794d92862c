import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { closeOf, decision, settingsOfBot } from '../../unit/persistence/given-decisions.ts';
import { holder, intent } from '../persistence/given.ts';
import { openPlane } from './given.ts';
import type { Plane } from './given.ts';

/** Bot 1 is a bot on one minute, of the token's user. */
let plane: Plane;
beforeAll(async () => {
  plane = await openPlane();
  await plane.rows.pool.query(`update bot_configs set timeframe = '1m', strategy = 'rsi', is_active = true where id in (1, 2)`);
  await claimBots(plane.rows.pool, holder, ['1']);
  plane.venueNowMs = closeOf(9) + 1;
  const entered = { outcome: 'entered', rule: null, values: [31, 29], signal: { action: 'enter-long', reason: 'RSI recovers' } } as const;
  await plane.decisions.append([
    ...[0, 1, 2, 3, 4].map((minute) => decision(minute)),
    decision(5, entered),
    decision(8, { values: [Number.NaN, 60.5] }),
    decision(9, { values: [61.2, 60.5] }),
    decision(3, { settings: settingsOfBot('2'), reason: 'of another bot' }),
  ]);
});
afterAll(() => plane.close());

const iso = (ms: number): string => new Date(ms).toISOString();
const closes = (answer: Awaited<ReturnType<Plane['ask']>>): unknown[] => answer.body.items?.map((item) => item['close_time']) ?? [];
const minutes = (...all: number[]): string[] => all.map((minute) => iso(closeOf(minute)));
const explain = async (query: string) => (await plane.ask('GET', `/v1/bots/1/explain${query}`)).body;

describe('decisions of a bot', () => {
  it('are told newest first, with all that was decided with', async () => {
    const answer = await plane.ask('GET', '/v1/bots/1/decisions?limit=2');
    expect(answer.body.items).toEqual([
      {
        close_time: iso(closeOf(9)),
        close: '20000.5',
        config_version: 1,
        strategy: 'rsi',
        timeframe: '1m',
        outcome: 'nothing',
        rule: 'no-signal',
        reason: null,
        signal: { action: 'hold', reason: 'RSI crossed neither level' },
        position_open: false,
        indicators: [{ name: 'rsi:14', current: 61.2, previous: 60.5 }],
      },
      expect.objectContaining({ close_time: iso(closeOf(8)), indicators: [{ name: 'rsi:14', current: null, previous: 60.5 }] }),
    ]);
  });

  it('are told page by page', async () => {
    const told: unknown[] = [];
    for (let cursor: unknown = ''; typeof cursor === 'string'; ) {
      const answer: Awaited<ReturnType<Plane['ask']>> = await plane.ask(
        'GET',
        `/v1/bots/1/decisions?limit=3${cursor === '' ? '' : `&after=${cursor}`}`,
      );
      told.push(...closes(answer));
      cursor = answer.body['next_cursor'];
    }
    expect(told).toEqual(minutes(9, 8, 5, 4, 3, 2, 1, 0));
  });

  it('are told between two times, both included, as text or milliseconds', async () => {
    expect(closes(await plane.ask('GET', `/v1/bots/1/decisions?from=${iso(closeOf(2))}&to=${closeOf(4)}`))).toEqual(minutes(4, 3, 2));
    expect(closes(await plane.ask('GET', `/v1/bots/1/decisions?from=${closeOf(2) + 1}&to=${closeOf(4) - 1}`))).toEqual(minutes(3));
  });

  it.each([
    ['from', '?from=yesterday'],
    ['to', '?to=2024-13-45T00:00:00Z'],
    ['to', '?to=2024-05-06'],
    ['from', '?from=99999999999999999'],
    ['after', '?after=-1'],
    ['limit', '?limit=501'],
    ['since', '?since=3'],
  ])('are refused with the name of a bad %s: %s', async (field, query) => {
    const answer = await plane.ask('GET', `/v1/bots/1/decisions${query}`);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
    expect(answer.body.errors?.map((error) => error.field)).toContain(field);
  });

  it('are refused with every field that is wrong', async () => {
    expect((await plane.ask('GET', '/v1/bots/1/decisions?from=a&to=b')).body.errors?.map((error) => error.field)).toEqual(['from', 'to']);
    const backwards = await plane.ask('GET', `/v1/bots/1/decisions?from=${closeOf(4)}&to=${closeOf(2)}`);
    expect([backwards.status, backwards.body.errors?.map((error) => error.field)]).toEqual([400, ['from', 'to']]);
  });

  it.each(['decisions', 'explain'])('do not exist for others: %s', async (what) => {
    const other = { authorization: `Bearer ${plane.otherToken}` };
    expect((await plane.ask('GET', `/v1/bots/1/${what}`, undefined, other)).status).toBe(404);
    expect((await plane.ask('GET', `/v1/bots/999/${what}`)).status).toBe(404);
    expect((await plane.ask('GET', `/v1/bots/1/${what}`, undefined, { authorization: 'Bearer nobody' })).status).toBe(401);
  });
});

describe('an explanation', () => {
  it('of the newest decision is a sentence with the numbers and the time of the next one', async () => {
    expect(await explain('')).toMatchObject({
      bot_config_id: '1',
      explanation: 'no entry: RSI 60.5 one candle before was not at or below 30; next decision at 00:11:00Z',
      next_decision_at: '2024-05-06T00:11:00.000Z',
      missing: null,
      decision: { close_time: iso(closeOf(9)), rule: 'no-signal' },
      conditions: {
        entry: [
          { met: false, text: 'RSI 60.5 one candle before was not at or below 30' },
          { met: true, text: 'RSI 61.2 is above 30' },
        ],
        exits: [[{ met: false }, { met: true }]],
      },
      orders: [],
    });
  });

  it.each([
    ['its close', closeOf(4), 4],
    ['the moment of the decision', closeOf(4) + 1, 4],
    ['a moment before the next close', closeOf(5) - 1, 4],
    ['the next close', closeOf(5), 5],
  ])('at %s is of the newest candle that had closed by then', async (_, at, minute) => {
    expect(await explain(`?at=${at}`)).toMatchObject({ missing: null, decision: { close_time: iso(closeOf(minute)) } });
    expect(await explain(`?at=${iso(at)}`)).toMatchObject({ decision: { close_time: iso(closeOf(minute)) } });
  });

  it('of an entry names its order and what became of it', async () => {
    const decided = intent(plane.rows.userId, { decisionMs: closeOf(5) });
    expect([...(await commitIntents(plane.rows.pool, holder, [decided])).values()]).toEqual(['committed']);
    expect(await explain(`?at=${closeOf(5)}`)).toMatchObject({
      explanation: expect.stringMatching(
        /^entered: RSI recovers \(RSI 29.0 one candle before was at or below 30; RSI 31.0 is above 30\); /,
      ) as string,
      orders: [{ client_order_id: decided.clientOrderId, role: 'entry', state: 'intended', executed_quantity: '0' }],
    });
  });

  it.each([
    ['that is not over', closeOf(12), 'not-closed'],
    ['in between that nobody decided on', closeOf(6), 'gap'],
    ['before the first that is kept', closeOf(0) - 60_000, 'not-running'],
    ['that is kept no more', closeOf(0) - 73 * 3_600_000, 'not-kept'],
  ])('of a candle %s says so', async (_, at, missing) => {
    expect(await explain(`?at=${at}`)).toMatchObject({ missing, decision: null, conditions: null, orders: [] });
  });

  it('of a bot that was switched off says so', async () => {
    await plane.rows.pool.query(
      `insert into bot_commands (bot_config_id, command, requested_by, created_at) values (1, 'stop', 'test', to_timestamp($1::float8 / 1000))`,
      [closeOf(5) + 1],
    );
    expect(await explain(`?at=${closeOf(6)}`)).toMatchObject({
      missing: 'not-running',
      explanation: expect.stringContaining('had been switched off at 2024-05-06T00:06:00Z') as string,
    });
    expect((await explain(`?at=${closeOf(4)}`))['missing']).toBeNull();
  });

  it('of a bot that no engine runs says so, and promises no next decision', async () => {
    const { body } = await plane.ask('GET', '/v1/bots/2/explain');
    expect(body).toMatchObject({ next_decision_at: null, decision: { close_time: iso(closeOf(3)) } });
    expect(body['explanation']).toMatch(/; no next decision while the bot does not run$/);
    expect((await plane.ask('GET', `/v1/bots/2/explain?at=${closeOf(6)}`)).body).toMatchObject({
      missing: 'not-running',
      explanation: expect.stringContaining('the bot is switched on, but no engine runs it (it has never run)') as string,
    });
  });

  it('of a bot that never decided says so', async () => {
    expect((await plane.ask('GET', '/v1/bots/3/explain')).body).toMatchObject({ missing: 'not-running', decision: null });
  });

  it('is refused for a time that is none', async () => {
    const answer = await plane.ask('GET', '/v1/bots/1/explain?at=noon');
    expect([answer.status, answer.body.errors?.map((error) => error.field)]).toEqual([400, ['at']]);
  });
});
