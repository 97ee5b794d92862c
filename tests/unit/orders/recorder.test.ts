/** Evidence of one turn goes to the rows in one unit of work, and what cannot be written keeps nothing else from it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Recorder } from '../../../engine/orders/recorder.ts';
import type { ExecutionEvidence, RecordAnswer } from '../../../engine/persistence/order-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const piece = (clientOrderId: string): ExecutionEvidence => ({ clientOrderId }) as ExecutionEvidence;
const answerTo = ({ clientOrderId }: ExecutionEvidence): RecordAnswer => ({ verdict: 'no-such-order', clientOrderId }) as RecordAnswer;

describe('evidence', () => {
  let clock: FakeClock;
  let sets: string[][];
  let write: (evidence: readonly ExecutionEvidence[]) => Promise<readonly RecordAnswer[]>;
  let recorder: Recorder;

  beforeEach(() => {
    clock = new FakeClock();
    sets = [];
    write = async (evidence) => evidence.map(answerTo);
    const record = async (evidence: readonly ExecutionEvidence[]): Promise<readonly RecordAnswer[]> => {
      sets.push(evidence.map(({ clientOrderId }) => clientOrderId));
      return write(evidence);
    };
    recorder = new Recorder({ record }, clock);
  });

  it('of one turn is one unit of work, and each piece gets its own answer', async () => {
    const answers = Promise.all(['a', 'b', 'c'].map((id) => recorder.record(piece(id))));
    await clock.advance(0);
    expect(sets).toEqual([['a', 'b', 'c']]);
    expect(await answers).toEqual(['a', 'b', 'c'].map((id) => ({ answer: answerTo(piece(id)), again: false })));
  });

  it('of two turns is two', async () => {
    void recorder.record(piece('a'));
    await clock.advance(0);
    void recorder.record(piece('b'));
    await clock.advance(0);
    expect(sets).toEqual([['a'], ['b']]);
  });

  it('waits while three units of work are under way, and then goes together', async () => {
    const ends: (() => void)[] = [];
    write = (evidence) => new Promise((resolve) => ends.push(() => resolve(evidence.map(answerTo))));
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      void recorder.record(piece(id));
      await clock.advance(0);
    }
    expect(sets).toEqual([['a'], ['b'], ['c']]);
    ends[1]?.();
    await clock.advance(0);
    expect(sets.slice(3)).toEqual([['d', 'e']]);
  });

  it('is written in units of at most 200 pieces', async () => {
    for (let index = 0; index < 450; index += 1) void recorder.record(piece(String(index)));
    await clock.advance(0);
    expect(sets.map(({ length }) => length)).toEqual([200, 200, 50]);
  });

  it('that cannot be written fails alone, and it is told that the others may have been written before', async () => {
    const poison = new Error('value out of range');
    write = async (evidence) => {
      if (evidence.some(({ clientOrderId }) => clientOrderId === 'b')) throw poison;
      return evidence.map(answerTo);
    };
    const outcomes = Promise.allSettled(['a', 'b', 'c'].map((id) => recorder.record(piece(id))));
    await clock.advance(0);
    expect((await outcomes).map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as Error) : outcome.value))).toEqual([
      { answer: answerTo(piece('a')), again: true },
      poison,
      { answer: answerTo(piece('c')), again: true },
    ]);
    expect(sets).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']]);
  });
});
