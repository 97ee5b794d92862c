/** What leaving a state of a bot's life ends: its candles, and the work under way. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import type { SnapshotFrom } from 'xstate';
import { botMachine } from '../../../engine/bot/machine.ts';
import type { BotMachineEvent, BotMachineInput } from '../../../engine/bot/machine.ts';
import type { SeriesSubscription } from '../../../engine/market/market.ts';
import type { Timer } from '../../../engine/time/clock.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const never = new Promise<never>(() => undefined);

async function given(change: Partial<BotMachineInput> = {}) {
  const clock = new FakeClock();
  let closed = 0;
  const subscription: SeriesSubscription = {
    health: 'live',
    reason: '',
    view: () => null,
    missedSince: () => [],
    close: () => void (closed += 1),
  };
  const joined = Promise.withResolvers<SeriesSubscription | null>();
  const left: AbortSignal[] = [];
  const begun: SeriesSubscription[] = [];
  const actor = createActor(botMachine, {
    clock: { setTimeout: (fire, delayMs) => clock.after(delayMs, fire), clearTimeout: (timer: Timer) => timer.cancel() },
    input: {
      recover: () => Promise.resolve(),
      join(signal) {
        left.push(signal);
        return joined.promise;
      },
      begin: (candles) => void begun.push(candles),
      drain: () => Promise.resolve(),
      drainLimitMs: 1_000,
      ...change,
    },
  });
  actor.start();
  await settle();
  const life = (): SnapshotFrom<typeof botMachine>['value'] => actor.getSnapshot().value;
  return {
    ...{ clock, actor, subscription, joined, begun, life },
    error: () => actor.getSnapshot().context.error?.message,
    candles: () => ({ waits: left.map(({ aborted }) => !aborted), closed }),
    async join(candles: SeriesSubscription | null = subscription) {
      joined.resolve(candles);
      await settle();
    },
  };
}

const leaving: readonly [BotMachineEvent, string][] = [
  [{ type: 'stop' }, 'released'],
  [{ type: 'fenced' }, 'released'],
  [{ type: 'fault', error: new Error('broken') }, 'faulted'],
];

describe('the candles of a bot', () => {
  it('are waited for, made use of, and then it runs', async () => {
    const bot = await given();
    expect([bot.life(), bot.begun]).toEqual([{ listening: 'warming' }, []]);
    await bot.join();
    expect([bot.life(), bot.begun, bot.candles().closed]).toEqual([{ listening: 'running' }, [bot.subscription], 0]);
  });

  it('may be none: it runs without', async () => {
    const bot = await given();
    await bot.join(null);
    expect([bot.life(), bot.begun]).toEqual([{ listening: 'running' }, []]);
  });

  it.each(leaving)('are let go of when it is left running by %o', async (event, end) => {
    const bot = await given();
    await bot.join();
    bot.actor.send(event);
    expect(bot.candles().closed).toBe(1);
    await settle();
    expect(bot.life()).toBe(end);
  });

  it.each(leaving)('are not waited for any more when it is left by %o, and let go of should they come all the same', async (event, end) => {
    const bot = await given();
    expect(bot.candles()).toEqual({ waits: [true], closed: 0 });
    bot.actor.send(event);
    expect(bot.candles()).toEqual({ waits: [false], closed: 0 });
    await bot.join();
    expect([bot.life(), bot.begun, bot.candles().closed]).toEqual([end, [], 1]);
  });

  it('that cannot be had are a fault, but none once it was stopped', async () => {
    const bot = await given();
    bot.joined.reject(new Error('no history'));
    await settle();
    expect([bot.life(), bot.error()]).toEqual(['faulted', 'no history']);
    const stopped = await given();
    stopped.actor.send({ type: 'stop' });
    stopped.joined.reject(new Error('nobody waits'));
    await settle();
    expect([stopped.life(), stopped.error()]).toEqual(['released', undefined]);
  });

  it('are let go of when what they tell first breaks it', async () => {
    const bot = await given({
      begin() {
        throw new Error('a strategy broke');
      },
    });
    await bot.join();
    expect([bot.life(), bot.error(), bot.candles().closed]).toEqual(['faulted', 'a strategy broke', 1]);
  });
});

describe('what is in flight', () => {
  it('is settled for so long and no longer, and the work hears that nobody waits', async () => {
    const left: AbortSignal[] = [];
    const drain = (signal: AbortSignal): Promise<never> => {
      left.push(signal);
      return never;
    };
    const bot = await given({ drain });
    bot.actor.send({ type: 'stop' });
    await bot.clock.advance(999);
    expect([bot.life(), left.map(({ aborted }) => aborted)]).toEqual(['draining', [false]]);
    await bot.clock.advance(1);
    expect([bot.life(), left.map(({ aborted }) => aborted)]).toEqual(['released', [true]]);
  });

  it('is not settled by a bot that another owner has', async () => {
    const bot = await given({ drain: () => never });
    bot.actor.send({ type: 'stop' });
    bot.actor.send({ type: 'fenced' });
    expect(bot.life()).toBe('released');
  });

  it('cannot be settled: a fault', async () => {
    const bot = await given({ drain: () => Promise.reject(new Error('no desk')) });
    bot.actor.send({ type: 'stop' });
    await settle();
    expect([bot.life(), bot.error()]).toEqual(['faulted', 'no desk']);
  });
});

it('a recovery that was stopped hears that nobody waits', async () => {
  const left: AbortSignal[] = [];
  const recover = (signal: AbortSignal): Promise<never> => {
    left.push(signal);
    return never;
  };
  const bot = await given({ recover });
  expect([bot.life(), left.map(({ aborted }) => aborted)]).toEqual(['recovering', [false]]);
  bot.actor.send({ type: 'stop' });
  expect(left.map(({ aborted }) => aborted)).toEqual([true]);
  await settle();
  expect(bot.life()).toBe('released');
});
