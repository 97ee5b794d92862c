/** What bots are told of the venue: a time in doubt, a refused key, a symbol that does not trade; and that it is over. */
import { describe, expect, it } from 'vitest';
import type { Bot } from '../../../engine/bot/bot.ts';
import { tellOfVenue } from '../../../engine/supervisor/venue-watch.ts';
import type { WatchedVenue } from '../../../engine/supervisor/venue-watch.ts';
import type { EntryBlock } from '../../../engine/trading/events.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { btc } from '../trading/given.ts';

interface Said {
  readonly trusted?: boolean;
  readonly keyRefusal?: string;
  readonly status?: Instrument['status'];
}

/** A bot that keeps its blocks, and what becomes of it. */
function stage(bot: { readonly live: boolean; readonly withoutMarket?: boolean }) {
  const blocks = new Map<string, string>();
  const rebuilt: string[] = [];
  let followed = 0;
  const session = {
    block: ({ rule, reason }: EntryBlock) => void blocks.set(rule, reason),
    unblock: (rule: string) => void blocks.delete(rule),
    followInstrument: () => (followed += 1),
  };
  const entry = { botId: '7', bot: { withoutMarket: false, ...bot, running: true, symbol: btc.symbol, session } as unknown as Bot };
  const say = ({ trusted = true, keyRefusal, status = 'TRADING' }: Said): readonly string[] => {
    const venue = { clock: { trusted }, keyRefusal: () => keyRefusal ?? null, symbols: { find: () => ({ ...btc, status }) } };
    const bots = { values: () => [entry], rebuild: (botId: string) => void rebuilt.push(botId) };
    tellOfVenue(bots, venue as unknown as WatchedVenue);
    return [...blocks.keys()];
  };
  return { say, blocks, rebuilt, followed: () => followed };
}

describe('a bot', () => {
  it.each([
    [{ trusted: false }, 'clock-untrusted', /time is not known/],
    [{ keyRefusal: 'it may withdraw' }, 'key-unverified', /it may withdraw/],
    [{ status: 'HALT' }, 'symbol-not-trading', /paused: HALT/],
  ] as const)('is told %j, and that it is over', (said, rule, reason) => {
    const { say, blocks } = stage({ live: true });
    expect(say(said)).toEqual([rule]);
    expect(blocks.get(rule)).toMatch(reason);
    expect(say({})).toEqual([]);
  });

  it('looks at the filters each time', () => {
    const { say, followed } = stage({ live: true });
    say({});
    say({ status: 'HALT' });
    expect(followed()).toBe(2);
  });

  it('on paper is not held back by the key', () => {
    expect(stage({ live: false }).say({ keyRefusal: 'it may withdraw' })).toEqual([]);
  });

  it('that began without a market is built anew when its symbol trades, not before', () => {
    const { say, rebuilt } = stage({ live: true, withoutMarket: true });
    say({ status: 'DELISTED' });
    expect(rebuilt).toEqual([]);
    say({});
    expect(rebuilt).toEqual(['7']);
  });
});
