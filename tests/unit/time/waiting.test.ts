/** Waiting with an end, one after the other, and together. */
import { describe, expect, it } from 'vitest';
import { Interrupted, Shared, TooLate, Turns, atMost, unlessAborted, within } from '../../../engine/time/waiting.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const never = new Promise<never>(() => undefined);
const broken = (): Promise<never> => Promise.reject(new Error('broken'));

describe('a wait', () => {
  it('ends with what the work answers or throws', async () => {
    const clock = new FakeClock();
    expect([await within(clock, 100, Promise.resolve(1)), await atMost(clock, 100, Promise.resolve(2))]).toEqual([1, 2]);
    await expect(within(clock, 100, broken())).rejects.toThrow('broken');
    await expect(atMost(clock, 100, broken())).rejects.toThrow('broken');
    expect(await unlessAborted(new AbortController().signal, Promise.resolve(3))).toBe(3);
  });

  it('ends when its time is over, not before', async () => {
    const clock = new FakeClock();
    const heard: unknown[] = [];
    void within(clock, 100, never).catch((error: unknown) => heard.push(error));
    void atMost(clock, 100, never).then((answer) => heard.push(answer));
    await clock.advance(99);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual([expect.any(TooLate), null]);
  });

  it('ends with the reason of a signal, also of one that was aborted before', async () => {
    const stop = new AbortController();
    const waiting = unlessAborted(stop.signal, never);
    stop.abort(new Interrupted());
    await expect(waiting).rejects.toBeInstanceOf(Interrupted);
    await expect(unlessAborted(stop.signal, never)).rejects.toBeInstanceOf(Interrupted);
  });
});

it('turns begin when the one before has ended, also when it failed, and are over when all have ended', async () => {
  const turns = new Turns();
  const heard: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = turns.take(async () => {
    heard.push('one begins');
    await first.promise;
    throw new Error('broken');
  });
  const two = turns.take(async () => {
    heard.push('two');
    return 2;
  });
  void turns.over().then(() => heard.push('over'));
  await Promise.resolve();
  expect(heard).toEqual(['one begins']);
  first.resolve();
  await expect(one).rejects.toThrow('broken');
  expect(await two).toBe(2);
  await turns.over();
  expect(heard).toEqual(['one begins', 'two', 'over']);
});

it('shared work runs once for all who ask meanwhile, and anew for who asks after it', async () => {
  const runs: PromiseWithResolvers<number>[] = [];
  const shared = new Shared(() => {
    const run = Promise.withResolvers<number>();
    runs.push(run);
    return run.promise;
  });
  const both = [shared.ask(), shared.ask()];
  expect([runs.length, shared.underWay]).toEqual([1, both[0]]);
  runs[0]?.resolve(1);
  expect([await Promise.all(both), shared.underWay]).toEqual([[1, 1], null]);
  const failing = shared.ask();
  runs[1]?.reject(new Error('broken'));
  await expect(failing).rejects.toThrow('broken');
  expect(shared.underWay).toBeNull();
});
