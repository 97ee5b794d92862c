/**
 * Evidence on its way to the rows: what one turn brings, of whichever bots, becomes one unit of work. One that fails is repeated piece by
 * piece, so that what cannot be written of one bot keeps nothing of the others from being written.
 */
import { recordOne } from '../persistence/order-store.ts';
import type { ExecutionEvidence, OrderStore, RecordAnswer } from '../persistence/order-store.ts';
import type { Clock } from '../time/clock.ts';

/** Bounds the statements of one unit of work, and how long its rows stay locked. */
const setMax = 200;
/** Units of work under way: what comes meanwhile waits, and goes together. More would only wait for the same processor. */
const setsMax = 3;

interface Piece {
  readonly evidence: ExecutionEvidence;
  readonly answered: PromiseWithResolvers<Recorded>;
}

export interface Recorded {
  readonly answer: RecordAnswer;
  /** It was written before, or may have been: by a unit of work that failed, or whose answer was lost. */
  readonly again: boolean;
}

export class Recorder {
  readonly #store: Pick<OrderStore, 'record'>;
  readonly #clock: Clock;
  #waiting: Piece[] = [];
  #scheduled = false;
  #underWay = 0;

  constructor(store: Pick<OrderStore, 'record'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** As `OrderStore.record`, for one piece of evidence. Pieces of one bot are given one after the other, each after the last one's answer. */
  record(evidence: ExecutionEvidence): Promise<Recorded> {
    const answered = Promise.withResolvers<Recorded>();
    this.#waiting.push({ evidence, answered });
    this.#schedule();
    return answered.promise;
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#underWay >= setsMax) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      const set = this.#waiting.splice(0, setMax);
      this.#underWay += 1;
      void this.#write(set).finally(() => {
        this.#underWay -= 1;
        this.#schedule();
      });
      this.#schedule();
    });
  }

  async #write(set: readonly Piece[]): Promise<void> {
    try {
      const answers = await this.#store.record(set.map(({ evidence }) => evidence));
      set.forEach(({ answered }, index) => {
        const answer = answers[index];
        if (answer === undefined) answered.reject(new Error('the order store left a piece of evidence without an answer'));
        else answered.resolve({ answer, again: false });
      });
    } catch (error) {
      if (set.length === 1) {
        set[0]?.answered.reject(error);
        return;
      }
      for (const { evidence, answered } of set)
        await recordOne(this.#store, evidence).then(
          (answer) => answered.resolve({ answer, again: true }),
          (failure: unknown) => answered.reject(failure),
        );
    }
  }
}
