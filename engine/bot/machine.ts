/**
 * The life of a bot: what is under way now, and what leaving it ends. What the bot holds and may do is its session's, and every trading
 * decision is a call of the pure core. Nothing is restored from snapshots, because rows are the truth.
 */
import { assign, fromCallback, fromPromise, setup } from 'xstate';
import type { EventObject } from 'xstate';
import type { SeriesSubscription } from '../market/market.ts';

export type BotMachineEvent =
  /** The candles are there, and what passed without the bot is made up for. */
  | { type: 'warm' }
  /** The bot shall not run here any more: settle what is in flight, then let go. */
  | { type: 'stop' }
  /** Another owner holds the bot: nothing may be written or sent. */
  | { type: 'fenced' }
  | { type: 'fault'; error: Error };

/** `left` is aborted when the bot leaves the state: nobody waits for the work any more. */
type Work = (left: AbortSignal) => Promise<void>;

/** The work behind the states; provided by the actor. */
export interface BotMachineInput {
  readonly recover: Work;
  /** Waits for the candles, however long that takes; null when the symbol has none and the bot runs without. */
  readonly join: (left: AbortSignal) => Promise<SeriesSubscription | null>;
  /** Makes up for what passed before the candles were there. */
  readonly begin: (candles: SeriesSubscription) => void;
  /** Settles what is in flight. */
  readonly drain: Work;
  /** Draining takes no longer: what is open then is left to the next owner. */
  readonly drainLimitMs: number;
}

export const botMachine = setup({
  types: {
    context: {} as BotMachineInput & { readonly error: Error | null },
    events: {} as BotMachineEvent,
    input: {} as BotMachineInput,
  },
  actors: {
    work: fromPromise<void, { readonly work: Work }>(({ input, signal }) => input.work(signal)),
    /** The bot's candles, from the wait for them until the bot leaves the state, however it leaves it. */
    candles: fromCallback<EventObject, Pick<BotMachineInput, 'join' | 'begin'>>(({ input, sendBack }) => {
      const left = new AbortController();
      let candles: SeriesSubscription | null = null;
      const hear = async (): Promise<void> => {
        candles = await input.join(left.signal);
        if (left.signal.aborted) candles?.close();
        else {
          if (candles !== null) input.begin(candles);
          sendBack({ type: 'warm' });
        }
      };
      hear().catch((error: unknown) => sendBack({ type: 'fault', error }));
      return () => {
        left.abort();
        candles?.close();
      };
    }),
  },
  actions: {
    keepError: assign({
      error: ({ event }) => {
        const error = 'error' in event ? (event as { error: unknown }).error : null;
        return error instanceof Error ? error : new Error(String(error));
      },
    }),
  },
  delays: { drainLimit: ({ context }) => context.drainLimitMs },
}).createMachine({
  id: 'bot',
  context: ({ input }) => ({ ...input, error: null }),
  initial: 'recovering',
  on: {
    fenced: '.released',
    fault: { target: '.faulted', actions: 'keepError' },
  },
  states: {
    recovering: {
      invoke: {
        src: 'work',
        input: ({ context }) => ({ work: context.recover }),
        onDone: 'listening',
        onError: { target: 'faulted', actions: 'keepError' },
      },
      on: { stop: 'draining' },
    },
    listening: {
      invoke: { src: 'candles', input: ({ context }) => context },
      initial: 'warming',
      states: { warming: { on: { warm: 'running' } }, running: {} },
      on: { stop: 'draining' },
    },
    draining: {
      invoke: {
        src: 'work',
        input: ({ context }) => ({ work: context.drain }),
        onDone: 'released',
        onError: { target: 'faulted', actions: 'keepError' },
      },
      after: { drainLimit: 'released' },
    },
    released: { type: 'final' },
    faulted: { type: 'final' },
  },
});
