/** What the machine of a bot says of it, when its session began with a position. */
import { expect, it } from 'vitest';
import { createActor, waitFor } from 'xstate';
import { botMachine } from '../../../engine/bot/machine.ts';
import { BotSession } from '../../../engine/bot/session.ts';
import { settingsOf } from '../../../engine/bot/settings.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { defaultColumns } from '../../../engine/trading/bot-columns.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { btc, config, d, emptyState, midnight } from '../trading/given.ts';

it('a recovered bot that holds a position and may not enter runs as holding and closed', async () => {
  const clock = new FakeClock(midnight);
  const columns = { ...defaultColumns, name: '', symbol: '', timeframe: '1m', strategy: 'ema_cross', initialCapital: d(1_000) };
  const trading = config();
  const settings = { ...settingsOf({ id: '1', userId: '1', version: 1, mode: 'paper', venue: 'simulated', columns }, 'engine'), trading };
  let session: BotSession | null = null;
  const actor = createActor(botMachine, {
    input: {
      recover: async () => {
        session = new BotSession({
          settings,
          state: {
            ...emptyState(trading),
            position: { quantity: d('0.05'), cost: d(1_000), entryFees: d(0), openedAtMs: midnight, openedUnder: null },
            lastPrice: 20_000,
            blocks: [{ rule: 'paused', reason: 'entries are paused: a user asked' }],
          },
          clock,
          venueClock: { now: () => clock.now(), trusted: true, resync: () => Promise.resolve() },
          metrics: createMetrics(),
          safeMode: false,
          instrument: () => btc,
          carryOut: () => undefined,
          onPrice: () => undefined,
          onTradingPhase: (phase) => actor.send({ type: 'trading-changed', phase }),
          onFeedPhase: (phase) => actor.send({ type: 'feed-changed', phase }),
          onAllowance: (reason) => actor.send({ type: 'allowance-changed', reason }),
          onExposure: () => undefined,
          onDirty: () => undefined,
          onNotice: () => undefined,
          onVerdict: () => undefined,
          onFault: (error) => {
            throw error;
          },
        });
      },
      warm: async () => session?.onHealth('stale', 'the market stream is interrupted'),
      drain: () => Promise.resolve(),
      tellPhases: () => session?.tellPhases(),
      safeMode: false,
    },
  });
  actor.start();
  actor.send({ type: 'claimed' });
  await waitFor(actor, (snapshot) => snapshot.matches('running'));
  const { value, context } = actor.getSnapshot();
  expect(value).toEqual({ running: { feed: 'stale', trading: 'holding', allowance: 'closed' } });
  expect(context.closedReason).toBe('entries are paused: a user asked');
});

it('a bot that is stopped while the market lets it wait tells the market that nobody waits any more', async () => {
  const never = new Promise<void>(() => undefined);
  const signals: AbortSignal[] = [];
  const actor = createActor(botMachine, {
    input: {
      recover: () => Promise.resolve(),
      warm(left) {
        signals.push(left);
        return never;
      },
      drain: () => Promise.resolve(),
      tellPhases: () => undefined,
      safeMode: false,
    },
  });
  actor.start();
  actor.send({ type: 'claimed' });
  await waitFor(actor, (snapshot) => snapshot.matches('warming'));
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  actor.send({ type: 'stop' });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  await waitFor(actor, (snapshot) => snapshot.matches('released'));
});
