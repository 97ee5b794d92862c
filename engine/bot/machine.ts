/**
 * The life of a bot as a trader would tell it. The machine owns life cycle and concurrency only: every trading decision
 * is a call of the pure core, and nothing is restored from snapshots, because rows are the truth.
 */
import { assign, fromPromise, setup } from 'xstate';
import type { FeedPhase, TradingPhase } from './session.ts';

export type BotMachineEvent =
  | { type: 'claimed' }
  | { type: 'trading-changed'; phase: TradingPhase }
  | { type: 'feed-changed'; phase: FeedPhase }
  | { type: 'allowance-changed'; reason: string | null }
  /** The bot shall not run here any more: settle what is in flight, then let go. */
  | { type: 'stop' }
  /** Another owner holds the bot: nothing may be written or sent. */
  | { type: 'fenced' }
  | { type: 'fault'; error: Error };

export interface BotMachineContext {
  readonly error: Error | null;
  readonly closedReason: string | null;
}

/** `left` is aborted when the bot leaves the state: nobody waits for the work any more. */
type Work = (left: AbortSignal) => Promise<void>;

/** The work behind the states; provided by the actor. */
export interface BotMachineInput {
  readonly recover: Work;
  readonly warm: Work;
  readonly drain: Work;
  /** Repeats the changes of phase that came before the machine was running: a recovered bot may hold a position. */
  readonly tellPhases: () => void;
  readonly safeMode: boolean;
}

const isPhase =
  <P extends string>(phase: P) =>
  ({ event }: { event: BotMachineEvent }): boolean =>
    'phase' in event && event.phase === phase;

export const botMachine = setup({
  types: {
    context: {} as BotMachineContext & BotMachineInput,
    events: {} as BotMachineEvent,
    input: {} as BotMachineInput,
  },
  actors: {
    work: fromPromise<void, { readonly work: Work }>(({ input, signal }) => input.work(signal)),
  },
  actions: {
    keepError: assign({
      error: ({ event }) => {
        const error = 'error' in event ? (event as { error: unknown }).error : null;
        return error instanceof Error ? error : new Error(String(error));
      },
    }),
    tellPhases: ({ context }) => context.tellPhases(),
    keepReason: assign({ closedReason: ({ event }) => (event.type === 'allowance-changed' ? event.reason : null) }),
  },
  guards: {
    toFlat: isPhase('flat'),
    toEntering: isPhase('entering'),
    toHolding: isPhase('holding'),
    toExiting: isPhase('exiting'),
    feedLive: isPhase('live'),
    feedGapped: isPhase('gapped'),
    feedStale: isPhase('stale'),
    entriesOpen: ({ event }) => event.type === 'allowance-changed' && event.reason === null,
    safeMode: ({ context }) => context.safeMode,
  },
}).createMachine({
  id: 'bot',
  context: ({ input }) => ({ ...input, error: null, closedReason: null }),
  initial: 'claiming',
  on: {
    fenced: '.released',
    fault: { target: '.faulted', actions: 'keepError' },
  },
  states: {
    claiming: { on: { claimed: 'recovering', stop: 'released' } },
    recovering: {
      invoke: {
        src: 'work',
        input: ({ context }) => ({ work: context.recover }),
        onDone: 'warming',
        onError: { target: 'faulted', actions: 'keepError' },
      },
      on: { stop: 'draining' },
    },
    warming: {
      invoke: {
        src: 'work',
        input: ({ context }) => ({ work: context.warm }),
        onDone: [{ target: 'quarantined', guard: 'safeMode' }, { target: 'running' }],
        onError: { target: 'faulted', actions: 'keepError' },
      },
      on: { stop: 'draining' },
    },
    running: {
      type: 'parallel',
      entry: 'tellPhases',

      on: { stop: 'draining' },
      states: {
        feed: {
          initial: 'live',
          on: {
            'feed-changed': [
              { target: '.live', guard: 'feedLive' },
              { target: '.gapped', guard: 'feedGapped' },
              { target: '.stale', guard: 'feedStale' },
            ],
          },
          states: { live: {}, gapped: {}, stale: {} },
        },
        trading: {
          initial: 'flat',
          on: {
            'trading-changed': [
              { target: '.flat', guard: 'toFlat' },
              { target: '.entering', guard: 'toEntering' },
              { target: '.holding', guard: 'toHolding' },
              { target: '.exiting', guard: 'toExiting' },
            ],
          },
          states: { flat: {}, entering: {}, holding: {}, exiting: {} },
        },
        allowance: {
          initial: 'open',
          on: {
            'allowance-changed': [
              { target: '.open', guard: 'entriesOpen', actions: 'keepReason' },
              { target: '.closed', actions: 'keepReason' },
            ],
          },
          states: { open: {}, closed: {} },
        },
      },
    },
    /** Runs without its strategy after repeated crashes: the position stays managed, nothing new is opened. */
    quarantined: { on: { stop: 'draining' } },
    draining: {
      invoke: {
        src: 'work',
        input: ({ context }) => ({ work: context.drain }),
        onDone: 'released',
        onError: { target: 'faulted', actions: 'keepError' },
      },
    },
    released: { type: 'final' },
    faulted: { type: 'final' },
  },
});
